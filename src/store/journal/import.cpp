// A journal from the NDJSON of an export.
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <istream>

#include "base/text.hpp"
#include "event/json_reader.hpp"
#include "event/metadata.hpp"
#include "store/journal/lines.hpp"
#include "store/journal/tools.hpp"

namespace stepcast::store {
namespace {

using namespace lines;
using event::Lifecycle;

// A string, or bytes that are no UTF-8 as `{"hex":"…"}`; nothing for any other value.
std::optional<std::string> text_of(std::string_view value) {
    if (!event::is_json_object(value)) return event::json_text(value);
    const auto members = event::read_members(value, std::array<std::string_view, 1>{"hex"});
    const auto hex = members ? event::json_text((*members)[0]) : std::nullopt;
    return hex ? bytes_of_hex(*hex) : std::nullopt;
}

Error bad_line(std::uint64_t line, std::string_view why) {
    return {journal_errc::unusable, {}, fmt::format("line {}: {}", line, why)};
}

/// What an object of an import says; its calls throw std::exception for what is missing or of the wrong kind.
class Fields {
  public:
    explicit Fields(std::string_view object) {
        constexpr std::size_t most = 32;
        event::JsonReader reader{object, line_depth};
        std::string_view name, value;
        if (!reader.open_object()) throw std::runtime_error{"not a line of an export"};
        while (fields_.size() < most && reader.next_member(name, value))
            fields_.emplace_back(*event::json_text(name), value);
        if (reader.failed()) throw std::runtime_error{reader.error().detail};
        if (fields_.size() == most) throw std::runtime_error{"not a line of an export"};
    }

    const std::vector<std::pair<std::string, std::string_view>>& all() const { return fields_; }

    std::string_view value(std::string_view name) const {
        const auto found = std::ranges::find(fields_, name, [](const auto& field) { return field.first; });
        if (found == fields_.end()) throw std::runtime_error{fmt::format("{} is missing", name)};
        return found->second;
    }
    std::string text(std::string_view name) const {
        auto text = text_of(value(name));
        if (!text) throw std::runtime_error{fmt::format("{} is no text", name)};
        return std::move(*text);
    }
    bool has(std::string_view name) const {
        return std::ranges::any_of(fields_, [&](const auto& field) { return field.first == name; });
    }
    std::string optional_text(std::string_view name) const { return has(name) ? text(name) : std::string{}; }
    std::vector<event::Header> optional_headers(std::string_view name) const {
        std::vector<event::Header> headers;
        if (!has(name)) return headers;
        event::JsonReader reader{value(name)};
        std::string_view pair;
        bool fine = reader.open_array();
        while (fine && reader.next_element(pair)) {
            event::JsonReader of{pair};
            std::string_view first, second, third;
            fine = of.open_array() && of.next_element(first) && of.next_element(second) &&
                   !of.next_element(third) && !of.failed();
            auto key = text_of(first), text = text_of(second);
            fine = fine && key && text;
            if (fine) headers.push_back({std::move(*key), std::move(*text)});
        }
        if (!fine || reader.failed()) throw std::runtime_error{fmt::format("{} are no headers", name)};
        return headers;
    }
    template <std::integral N>
    N number(std::string_view name) const {
        const auto number = parse_number<N>(value(name));
        if (!number) throw std::runtime_error{fmt::format("{} is no number that it could be", name)};
        return *number;
    }
    Timestamp time(std::string_view name) const {
        const auto time = parse_rfc3339(text(name));
        if (!time) throw std::runtime_error{fmt::format("{} is no time", name)};
        return *time;
    }
    template <std::size_t N>
    std::size_t one_of(std::string_view name, const std::array<std::string_view, N>& names) const {
        const auto found = std::ranges::find(names, text(name));
        if (found == names.end()) throw std::runtime_error{fmt::format("{} has no known value", name)};
        return static_cast<std::size_t>(found - names.begin());
    }

  private:
    // Two objects around the event's own.
    static constexpr std::size_t line_depth = event::max_json_depth + 2;

    std::vector<std::pair<std::string, std::string_view>> fields_;
};

/// Reads the lines and writes what they say.
class Import {
  public:
    Import(JournalFile& file, Categories categories, const EventCheck& check)
        : file_{file}, categories_{categories}, check_{check} {}

    void take(std::string_view line) {
        const auto json = event::received_json(line);
        if (!json) throw std::runtime_error{json.error().detail};
        const Fields outer{*json};
        if (outer.all().size() != 1) throw std::runtime_error{"not a line of an export"};
        const auto& [kind, body] = outer.all().front();
        const Fields fields{body};
        if (!began_ && kind != "journal") throw std::runtime_error{"an export begins with its journal line"};
        if (kind == "journal")
            take_head(fields);
        else if (kind == "event")
            take_event(fields);
        else if (kind == "end")
            ended_ = fields.number<std::uint64_t>("events");
        else
            take_base(kind, fields);
    }

    result<std::uint64_t> finish() {
        if (!ended_ || *ended_ != count_)
            return fail(journal_errc::unusable, {}, "the export is not whole: its end is missing");
        if (last_ > head_)
            return fail(journal_errc::unusable, {}, "an event's position lies behind the journal's head");
        if (auto flushed = flush(); !flushed) return tl::unexpected{flushed.error()};
        if (auto written = file_.write_base(base_, head_, epoch_); !written)
            return tl::unexpected{written.error()};
        return count_;
    }

    bool full() const { return group_.events.size() == page; }
    result<void> flush() {
        if (group_.events.empty()) return {};
        const auto last = group_.events.back()->position();
        auto written = file_.write(std::exchange(group_, {}), last);
        if (!written) return tl::unexpected{written.error()};
        return {};
    }
    std::uint64_t count() const { return count_; }

  private:
    const Category* category(const std::string& name) const {
        for (const auto* one : categories_)
            if (one->name == name) return one;
        throw std::runtime_error{"unknown category " + name};
    }

    void take_head(const Fields& f) {
        if (f.number<int>("schema") > JournalFile::schema)
            throw std::runtime_error{"it was written by a newer Stepcast"};
        if (std::exchange(began_, true)) throw std::runtime_error{"an export has one journal line"};
        epoch_ = f.text("epoch");
        if (epoch_.empty() || epoch_.size() > 16 ||
            epoch_.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz") != epoch_.npos)
            throw std::runtime_error{"an epoch has 1 to 16 characters of 0-9 and a-z"};
        head_ = f.number<Position>("head");
        base_.floor = f.number<Position>("floor");
    }

    // Before schema 4 one of a subject had no category: it is of whatever category.
    void take_loss(const Fields& f) {
        const auto name = f.text("category"), of = f.optional_text("of");
        Loss loss{nullptr, of == "subject" || name.empty(), f.text("name"), f.number<Position>("through"),
                  f.time("at")};
        for (const auto* each : name.empty() ? categories_ : Categories{}) {
            loss.category = each;
            base_.losses.push_back(loss);
        }
        if (name.empty()) return;
        loss.category = category(name);
        base_.losses.push_back(std::move(loss));
    }

    void take_base(std::string_view kind, const Fields& f) {
        if (kind == "loss") {
            take_loss(f);
        } else if (kind == "snapshot") {
            base_.streams.push_back(
                {category(f.text("category")),
                 {f.text("stream"), f.text("subject"), f.number<Version>("firstVersion"),
                  f.number<Position>("lastPosition"), f.time("lastRecorded"),
                  static_cast<StreamHead::Life>(f.one_of("life", lives)), f.number<int>("mixed") != 0},
                 {f.number<Version>("version"), f.number<std::uint32_t>("schema"), f.text("state")}});
        } else if (kind == "kept") {
            base_.kept.push_back(
                {category(f.text("category")),
                 f.text("stream"),
                 f.number<Position>("position"),
                 {f.number<Version>("version"), f.number<std::uint32_t>("schema"), f.text("state")}});
        } else if (kind == "source") {
            base_.sources.push_back({f.text("consumer"), f.text("topic"), f.number<std::int32_t>("partition"),
                                     f.number<std::int64_t>("offset")});
        } else if (kind == "owed") {
            base_.messages.push_back({f.number<std::uint64_t>("number"),
                                      {f.text("id"), f.text("topic"), f.text("key"), f.text("value"),
                                       f.optional_headers("headers")}});
        } else if (kind == "mark") {
            base_.marks.push_back(
                {f.text("consumer"), f.text("message"), f.time("expires"), f.optional_text("answer")});
        } else if (kind == "timer") {
            base_.timers.push_back({f.text("id"), f.time("due"), f.text("kind"), f.text("payload")});
        } else {
            throw std::runtime_error{"an export has no line of this kind"};
        }
    }

    // The event's own JSON goes over byte for byte.
    void take_event(const Fields& f) {
        const auto data = f.value("data");
        if (data.size() <= 2 || !event::is_json_object(data))
            throw std::runtime_error{"the event has no data"};
        const Category* of = category(f.text("category"));
        const auto type = std::ranges::find(of->types, f.text("type"));
        if (type == of->types.end()) throw std::runtime_error{"unknown type " + f.text("type")};
        const auto hex = f.text("fingerprint");
        std::uint64_t fingerprint = 0;
        const auto read = std::from_chars(hex.data(), hex.data() + hex.size(), fingerprint, 16);
        if (hex.size() != 16 || read.ptr != hex.data() + hex.size())
            throw std::runtime_error{"fingerprint has not 16 hexadecimal digits"};
        const auto position = f.number<Position>("position");
        if (position <= last_) throw std::runtime_error{"positions must rise"};
        last_ = position;
        const std::string stream = f.text("stream"), id = f.text("id"), subject = f.text("subject");
        const std::string_view metadata = f.has("metadata") ? f.value("metadata") : std::string_view{};
        if (const auto known = event::read_metadata(metadata); !known)
            throw std::runtime_error{known.error().text()};
        const auto draft =
            event::Event::make({.category = of,
                                .type = static_cast<std::uint8_t>(type - of->types.begin()),
                                .schema_version = f.number<std::uint8_t>("schema"),
                                .lifecycle = static_cast<Lifecycle>(f.one_of("lifecycle", lifecycles)),
                                .fingerprint = fingerprint,
                                .stream_id = within(data, stream),
                                .id = within(data, id),
                                .subject = within(data, subject),
                                .json = data,
                                .metadata = metadata});
        if (auto checked = check_(*draft); !checked)
            throw std::runtime_error{fmt::format("no event of {}: {}", of->name, checked.error().text())};
        const auto version = f.number<std::uint32_t>("version");
        if (version == 0) throw std::runtime_error{"versions begin at 1"};
        group_.events.push_back(event::Event::seal(draft, version, position, f.time("recordedAt"), "import"));
        ++count_;
    }

    // Where an id stands in the JSON itself, so that it is not kept twice.
    static std::string_view within(std::string_view data, const std::string& id) {
        const auto at = data.find("\"" + id + "\"");
        return at == data.npos ? std::string_view{id} : data.substr(at + 1, id.size());
    }

    JournalFile& file_;
    const Categories categories_;
    const EventCheck& check_;
    JournalBase base_;
    JournalGroup group_;
    std::string epoch_;
    Position head_ = 0;
    Position last_ = 0;
    std::uint64_t count_ = 0;
    bool began_ = false;
    std::optional<std::uint64_t> ended_;
};

result<std::uint64_t> import_into(JournalFile& file, Categories categories, const EventCheck& check,
                                  std::istream& in, const OnLine& on_line) {
    Import import{file, categories, check};
    std::uint64_t number = 0;
    for (std::string line; std::getline(in, line);) {
        ++number;
        if (line.empty()) continue;
        try {
            import.take(line);
        } catch (const std::exception& e) {
            return tl::unexpected{bad_line(number, e.what())};
        }
        if (!import.full()) continue;
        if (auto flushed = import.flush(); !flushed) return tl::unexpected{flushed.error()};
        if (on_line && import.count() / reported_each != (import.count() - page) / reported_each)
            on_line(fmt::format("{} events read", import.count()));
    }
    auto done = import.finish();
    if (done) file.settle();
    return done;
}

void remove_journal(const std::string& path) {
    std::error_code error;
    for (const auto* suffix : {"", "-wal", "-shm", "-lock", "-mark"})
        std::filesystem::remove(path + suffix, error);
}

}  // namespace

// Whatever ends it before its end, nothing has the journal's name.
result<std::uint64_t> import_journal(const std::string& name, Categories categories, const EventCheck& check,
                                     std::istream& in, const OnLine& on_line) {
    const std::string path = own_name(name);
    const std::string made = path + ".import";
    std::error_code error;
    if (std::filesystem::exists(path, error))
        return fail(journal_errc::unusable, {}, path + " exists already: import into a new file");
    auto file = JournalFile::open({made, 0, categories});
    if (file && (*file)->head() != 0) {  // of an import that was killed: its lock is ours
        file->reset();
        remove_journal(made);
        file = JournalFile::open({made, 0, categories});
    }
    if (!file) return tl::unexpected{file.error()};
    auto done = import_into(**file, categories, check, in, on_line);
    file->reset();
    if (done) {
        sync_to_disk(made);
        if (::renameat2(AT_FDCWD, made.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) != 0)
            done = fail(journal_errc::failing, {},
                        fmt::format("{}: {}", path, std::generic_category().message(errno)));
        sync_to_disk(std::filesystem::path{path}.parent_path());
    }
    remove_journal(made);
    return done;
}

}  // namespace stepcast::store
