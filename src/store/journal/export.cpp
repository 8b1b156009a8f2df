// A journal as NDJSON.
#include <fmt/format.h>

#include <iterator>
#include <ostream>

#include "base/text.hpp"
#include "event/json.hpp"
#include "store/journal/lines.hpp"
#include "store/journal/tools.hpp"

namespace stepcast::store {
namespace {

using namespace lines;

// Bytes that are no UTF-8 stand as `{"hex":"…"}`: JSON has no other place for them.
void append_text(std::string& out, std::string_view text) {
    if (valid_utf8(text)) return event::append_json_string(out, text);
    out.append("{\"hex\":\"").append(hex_of(text)).append("\"}");
}

void member(std::string& out, std::string_view name, std::string_view text) {
    out.append(out.back() == '{' ? "\"" : ",\"").append(name).append("\":");
    append_text(out, text);
}

template <std::integral N>
void member(std::string& out, std::string_view name, N number) {
    out.append(out.back() == '{' ? "\"" : ",\"").append(name).append("\":").append(std::to_string(number));
}

// As pairs: names may repeat, and their order counts.
void headers_member(std::string& out, const std::vector<event::Header>& headers) {
    out.append(",\"headers\":[");
    for (const auto& [name, value] : headers) {
        out.append(out.back() == '[' ? "[" : ",[");
        append_text(out, name);
        out.push_back(',');
        append_text(out, value);
        out.push_back(']');
    }
    out.push_back(']');
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
    if (!e.metadata().empty()) out.append(",\"metadata\":").append(e.metadata());
    out.append(data_mark).append("{").append(e.body()).append("}}\n");
}

// One line with one object.
template <class Fill>
void line(std::string& out, std::string_view kind, Fill fill) {
    std::string object = "{";
    fill(object);
    out.append("{\"").append(kind).append("\":").append(object).append("}}\n");
}

void write_loss(std::string& out, const Loss& loss) {
    line(out, "loss", [&](std::string& o) {
        member(o, "category", loss.category->name);
        member(o, "of", loss.of_subject ? "subject" : "stream");
        member(o, "name", loss.name);
        member(o, "through", loss.through);
        member(o, "at", format_rfc3339(loss.at));
    });
}

void write_base(std::string& out, const JournalFile& file, const JournalBase& base) {
    line(out, "journal", [&](std::string& o) {
        member(o, "schema", JournalFile::schema);
        member(o, "epoch", file.epoch());
        member(o, "head", file.head());
        member(o, "floor", base.floor);
    });
    for (const auto& loss : base.losses) write_loss(out, loss);
    for (const auto& [category, head, snapshot] : base.streams)
        line(out, "snapshot", [&](std::string& o) {
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
    for (const auto& [category, stream_id, position, snapshot] : base.kept)
        line(out, "kept", [&](std::string& o) {
            member(o, "category", category->name);
            member(o, "stream", stream_id);
            member(o, "position", position);
            member(o, "version", snapshot.version);
            member(o, "schema", snapshot.schema);
            member(o, "state", snapshot.state);
        });
    for (const auto& source : base.sources)
        line(out, "source", [&](std::string& o) {
            member(o, "consumer", source.consumer);
            member(o, "topic", source.topic);
            member(o, "partition", source.partition);
            member(o, "offset", source.offset);
        });
    for (const auto& [number, message, at] : base.messages)
        line(out, "owed", [&](std::string& o) {
            member(o, "number", number);
            member(o, "id", message.id);
            member(o, "topic", message.topic);
            member(o, "key", message.key);
            member(o, "value", message.value);
            if (!message.headers.empty()) headers_member(o, message.headers);
        });
    for (const auto& mark : base.marks)
        line(out, "mark", [&](std::string& o) {
            member(o, "consumer", mark.consumer);
            member(o, "message", mark.message_id);
            member(o, "expires", format_rfc3339(mark.expires));
            if (!mark.answer.empty()) member(o, "answer", mark.answer);
        });
    for (const auto& timer : base.timers)
        line(out, "timer", [&](std::string& o) {
            member(o, "id", timer.id);
            member(o, "due", format_rfc3339(timer.due));
            member(o, "kind", timer.kind);
            member(o, "payload", timer.payload);
        });
}

}  // namespace

result<std::uint64_t> export_journal(const std::string& path, Categories categories, std::ostream& out,
                                     const OnLine& on_line) {
    auto file = JournalFile::open_to_read({path, 0, categories});
    if (!file) return tl::unexpected{file.error()};
    auto base = (*file)->read_base();
    if (!base) return tl::unexpected{base.error()};
    if (auto kept = (*file)->read_kept(*base); !kept) return tl::unexpected{kept.error()};
    std::string text;
    write_base(text, **file, *base);
    out << text;
    std::uint64_t count = 0;
    for (Position after = 0;;) {
        const auto read = (*file)->read_events(after, page);
        if (!read) return tl::unexpected{read.error()};
        if (read->through == after) break;
        after = read->through;
        text.clear();
        for (const auto& loss : read->hidden_losses) write_loss(text, loss);
        out << text;
        for (const auto& event : read->events) {
            write_event(text, event);
            out << text;
            if (++count % reported_each == 0 && on_line) on_line(fmt::format("{} events written", count));
        }
        if (!out) return fail(journal_errc::failing, {}, "the output cannot be written");
    }
    out << "{\"end\":{\"events\":" << count << "}}\n" << std::flush;
    if (!out) return fail(journal_errc::failing, {}, "the output cannot be written");
    return count;
}

}  // namespace stepcast::store
