// A journal as NDJSON and back.
#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <istream>
#include <ostream>

#include "event/json.hpp"
#include "store/journal_tools.hpp"

namespace stepcast::store {
namespace {

namespace json = boost::json;
using event::Lifecycle;

constexpr std::size_t page = 1024;
constexpr std::uint64_t told_each = 250'000;
constexpr std::string_view data_mark = ",\"data\":";
constexpr std::array<std::string_view, 3> lifecycles{"neutral", "opens", "ends"};
constexpr std::array<std::string_view, 3> lives{"permanent", "running", "finished"};

Error bad_line(std::uint64_t line, std::string_view why) {
    return {journal_errc::unusable, {}, fmt::format("line {}: {}", line, why)};
}

void member(std::string& out, std::string_view name, std::string_view text) {
    out.append(out.back() == '{' ? "\"" : ",\"").append(name).append("\":");
    event::append_json_string(out, text);
}

template <std::integral N>
void member(std::string& out, std::string_view name, N number) {
    out.append(out.back() == '{' ? "\"" : ",\"").append(name).append("\":").append(std::to_string(number));
}

void write_event(std::string& out, const StoredEvent& stored) {
    const auto& e = *stored.draft;
    out = "{\"event\":{";
    member(out, "category", e.category().name);
    member(out, "stream", e.stream_id());
    member(out, "version", stored.version);
    member(out, "position", stored.position);
    member(out, "type", e.type());
    member(out, "schema", int{e.schema_version()});
    member(out, "lifecycle", lifecycles[static_cast<std::size_t>(e.lifecycle())]);
    member(out, "id", e.id());
    member(out, "subject", e.subject());
    member(out, "recordedAt", format_rfc3339(stored.recorded_at));
    member(out, "fingerprint", fmt::format("{:016x}", e.fingerprint()));
    out.append(data_mark).append("{").append(e.body()).append("}}\n");
}

void write_base(std::string& out, const JournalFile& file, const JournalBase& base) {
    const auto line = [&](std::string_view kind, auto fill) {
        std::string object = "{";
        fill(object);
        out.append("{\"").append(kind).append("\":").append(object).append("}}\n");
    };
    line("journal", [&](std::string& o) {
        member(o, "schema", JournalFile::schema);
        member(o, "epoch", file.epoch());
        member(o, "head", file.head());
        member(o, "floor", base.floor);
    });
    for (const auto& loss : base.losses)
        line("loss", [&](std::string& o) {
            member(o, "category", loss.category == nullptr ? std::string_view{} : loss.category->name);
            member(o, "name", loss.name);
            member(o, "through", loss.through);
            member(o, "at", format_rfc3339(loss.at));
        });
    for (const auto& [category, head, snapshot] : base.streams)
        line("snapshot", [&](std::string& o) {
            member(o, "category", category->name);
            member(o, "stream", head.id);
            member(o, "subject", head.subject);
            member(o, "firstVersion", head.first_version);
            member(o, "lastPosition", head.last_position);
            member(o, "lastRecorded", format_rfc3339(head.last_recorded));
            member(o, "life", lives[static_cast<std::size_t>(head.life)]);
            member(o, "mixed", int{head.mixed});
            member(o, "version", snapshot.version);
            member(o, "schema", snapshot.schema);
            member(o, "state", snapshot.state);
        });
    for (const auto& source : base.sources)
        line("source", [&](std::string& o) {
            member(o, "consumer", source.consumer);
            member(o, "topic", source.topic);
            member(o, "partition", source.partition);
            member(o, "offset", source.offset);
        });
    for (const auto& [number, message] : base.owed)
        line("owed", [&](std::string& o) {
            member(o, "number", number);
            member(o, "id", message.id);
            member(o, "topic", message.topic);
            member(o, "key", message.key);
            member(o, "value", message.value);
        });
    for (const auto& mark : base.marks)
        line("mark", [&](std::string& o) {
            member(o, "consumer", mark.consumer);
            member(o, "message", mark.message_id);
            member(o, "expires", format_rfc3339(mark.expires));
            if (!mark.answer.empty()) member(o, "answer", mark.answer);
        });
    for (const auto& timer : base.timers)
        line("timer", [&](std::string& o) {
            member(o, "id", timer.id);
            member(o, "due", format_rfc3339(timer.due));
            member(o, "kind", timer.kind);
            member(o, "payload", timer.payload);
        });
}

/// One line of an import; its calls throw std::exception for what is missing or of the wrong kind.
class Fields {
  public:
    explicit Fields(const json::object& object) : object_{object} {}

    std::string text(std::string_view name) const { return std::string{object_.at(name).as_string()}; }
    std::string optional_text(std::string_view name) const {
        return object_.contains(name) ? text(name) : std::string{};
    }
    template <std::integral N>
    N number(std::string_view name) const {
        return object_.at(name).to_number<N>();
    }
    Timestamp time(std::string_view name) const {
        const auto time = parse_rfc3339(object_.at(name).as_string());
        if (!time) throw std::runtime_error{std::string{name} + " is no time"};
        return *time;
    }
    template <std::size_t N>
    std::size_t one_of(std::string_view name, const std::array<std::string_view, N>& names) const {
        const auto found = std::ranges::find(names, std::string_view{object_.at(name).as_string()});
        if (found == names.end()) throw std::runtime_error{std::string{name} + " has no known value"};
        return static_cast<std::size_t>(found - names.begin());
    }

  private:
    const json::object& object_;
};

/// Reads the lines and writes what they say.
class Import {
  public:
    Import(JournalFile& file, Categories categories) : file_{file}, categories_{categories} {}

    void take(const std::string& line) {
        const auto value = event::parse_json(line);
        if (!value) throw std::runtime_error{value.error().detail};
        const auto& members = value->as_object();
        if (members.size() != 1) throw std::runtime_error{"not a line of an export"};
        const auto& [kind, body] = *members.begin();
        const Fields fields{body.as_object()};
        if (!began_ && kind != "journal") throw std::runtime_error{"an export begins with its journal line"};
        if (kind == "journal")
            take_head(fields);
        else if (kind == "event")
            take_event(fields, line);
        else if (kind == "end")
            ended_ = fields.number<std::uint64_t>("events");
        else
            take_base(kind, fields);
    }

    result<std::uint64_t> finish() {
        if (!ended_ || *ended_ != count_)
            return fail(journal_errc::unusable, {}, "the export is not whole: its end is missing");
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
        began_ = true;
        epoch_ = f.text("epoch");
        head_ = f.number<Position>("head");
        base_.floor = f.number<Position>("floor");
    }

    void take_base(std::string_view kind, const Fields& f) {
        if (kind == "loss") {
            const auto name = f.text("category");
            base_.losses.push_back({name.empty() ? nullptr : category(name), f.text("name"),
                                    f.number<Position>("through"), f.time("at")});
        } else if (kind == "snapshot") {
            base_.streams.push_back(
                {category(f.text("category")),
                 {f.text("stream"), f.text("subject"), f.number<Version>("firstVersion"),
                  f.number<Position>("lastPosition"), f.time("lastRecorded"),
                  static_cast<StreamHead::Life>(f.one_of("life", lives)), f.number<int>("mixed") != 0},
                 {f.number<Version>("version"), f.number<std::uint32_t>("schema"), f.text("state")}});
        } else if (kind == "source") {
            base_.sources.push_back({f.text("consumer"), f.text("topic"), f.number<std::int32_t>("partition"),
                                     f.number<std::int64_t>("offset")});
        } else if (kind == "owed") {
            base_.owed.push_back({f.number<std::uint64_t>("number"),
                                  {f.text("id"), f.text("topic"), f.text("key"), f.text("value")}});
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
    void take_event(const Fields& f, std::string_view line) {
        const auto at = line.find(data_mark);
        const auto end = line.rfind("}}");
        if (at == line.npos || end == line.npos || end < at)
            throw std::runtime_error{"the event has no data"};
        const auto data = line.substr(at + data_mark.size(), end - at - data_mark.size());
        const Category* of = category(f.text("category"));
        const auto type = std::ranges::find(of->types, f.text("type"));
        if (type == of->types.end()) throw std::runtime_error{"unknown type " + f.text("type")};
        const auto hex = f.text("fingerprint");
        std::uint64_t fingerprint = 0;
        std::from_chars(hex.data(), hex.data() + hex.size(), fingerprint, 16);
        const auto position = f.number<Position>("position");
        if (position <= last_) throw std::runtime_error{"positions must rise"};
        last_ = position;
        const std::string stream = f.text("stream"), id = f.text("id"), subject = f.text("subject");
        const auto draft =
            event::Event::make({.category = of,
                                .type = static_cast<std::uint8_t>(type - of->types.begin()),
                                .schema_version = static_cast<std::uint8_t>(f.number<int>("schema")),
                                .lifecycle = static_cast<Lifecycle>(f.one_of("lifecycle", lifecycles)),
                                .fingerprint = fingerprint,
                                .stream_id = within(data, stream),
                                .id = within(data, id),
                                .subject = within(data, subject),
                                .json = data});
        group_.events.push_back(event::Event::seal(draft, f.number<Version>("version"), position,
                                                   f.time("recordedAt"), "import"));
        ++count_;
    }

    // Where an id stands in the JSON itself, so that it is not kept twice.
    static std::string_view within(std::string_view data, const std::string& id) {
        const auto at = data.find("\"" + id + "\"");
        return at == data.npos ? std::string_view{id} : data.substr(at + 1, id.size());
    }

    JournalFile& file_;
    const Categories categories_;
    JournalBase base_;
    JournalGroup group_;
    std::string epoch_;
    Position head_ = 0;
    Position last_ = 0;
    std::uint64_t count_ = 0;
    bool began_ = false;
    std::optional<std::uint64_t> ended_;
};

}  // namespace

result<std::uint64_t> export_journal(const std::string& path, Categories categories, std::ostream& out,
                                     const Told& told) {
    auto file = JournalFile::open_to_read({path, 0, categories});
    if (!file) return tl::unexpected{file.error()};
    const auto base = (*file)->read_base();
    if (!base) return tl::unexpected{base.error()};
    std::string text;
    write_base(text, **file, *base);
    out << text;
    std::uint64_t count = 0;
    for (Position after = 0;;) {
        const auto read = (*file)->read_events(after, page);
        if (!read) return tl::unexpected{read.error()};
        if (read->through == after) break;
        after = read->through;
        for (const auto& event : read->events) {
            write_event(text, event);
            out << text;
            if (++count % told_each == 0 && told) told(fmt::format("{} events written", count));
        }
        if (!out) return fail(journal_errc::failing, {}, "the output cannot be written");
    }
    out << "{\"end\":{\"events\":" << count << "}}\n" << std::flush;
    if (!out) return fail(journal_errc::failing, {}, "the output cannot be written");
    return count;
}

result<std::uint64_t> import_journal(const std::string& path, Categories categories, std::istream& in,
                                     const Told& told) {
    auto file = JournalFile::open({path, 0, categories});
    if (!file) return tl::unexpected{file.error()};
    if ((*file)->head() != 0)
        return fail(journal_errc::unusable, {}, path + " holds events already: import into a new file");
    Import import{**file, categories};
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
        if (told && import.count() / told_each != (import.count() - page) / told_each)
            told(fmt::format("{} events read", import.count()));
    }
    auto done = import.finish();
    (*file)->settle();
    return done;
}

}  // namespace stepcast::store
