#include "event/metadata.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "event/json_reader.hpp"
#include "event/spans.hpp"

namespace stepcast::event {
namespace {

struct Member {
    std::string_view name;
    std::string_view header;
    std::string Metadata::* text;
};

constexpr std::array<Member, 4> members{{{"correlationId", "correlation-id", &Metadata::correlation_id},
                                         {"causationId", "causation-id", &Metadata::causation_id},
                                         {"traceparent", "traceparent", &Metadata::traceparent},
                                         {"actor", "actor", &Metadata::actor}}};

}  // namespace

Metadata caused_by(const Metadata& cause, std::string id) {
    if (id.size() > max_metadata_text) id.clear();
    return {cause.correlation_id, std::move(id), pass_on(cause.traceparent), cause.actor};
}

std::string reference_of(const Event& event) {
    std::string name{event.category().name};
    return name.append("-").append(event.stream_id()).append("/").append(event.id());
}

Draft with_metadata(const Draft& draft, std::string_view metadata) {
    const auto body = draft->body(), stream = draft->stream_id(), id = draft->id(), user = draft->subject();
    constexpr std::size_t framing = 4;  // the frame's end and the metadata's size
    if (body.size() + stream.size() + id.size() + user.size() + metadata.size() + framing > UINT16_MAX)
        return draft;
    const std::string json = std::string{"{"}.append(body);
    // What stands in the JSON goes on to stand there.
    const auto in_json = [&](std::string_view text) {
        const bool inside =
            text.data() >= body.data() && text.data() + text.size() <= body.data() + body.size();
        return inside ? std::string_view{json}.substr(1 + static_cast<std::size_t>(text.data() - body.data()),
                                                      text.size())
                      : text;
    };
    return Event::make({.category = &draft->category(),
                        .type = draft->type_index(),
                        .schema_version = draft->schema_version(),
                        .lifecycle = draft->lifecycle(),
                        .fingerprint = draft->fingerprint(),
                        .stream_id = in_json(stream),
                        .id = in_json(id),
                        .subject = in_json(user),
                        .json = json,
                        .metadata = metadata});
}

std::string to_json(const Metadata& metadata) {
    std::string out;
    for (const auto& [name, header, text] : members) {
        if ((metadata.*text).empty()) continue;
        out.append(out.empty() ? "{\"" : ",\"").append(name).append("\":");
        append_json_string(out, metadata.*text);
    }
    if (!out.empty()) out.push_back('}');
    return out;
}

result<Metadata> read_metadata(std::string_view json) {
    Metadata metadata;
    if (json.empty()) return metadata;
    std::array<std::string_view, members.size()> names;
    for (std::size_t i = 0; i < members.size(); ++i) names[i] = members[i].name;
    const auto values = read_members(json, names);
    if (!values) return tl::unexpected{values.error()};
    for (std::size_t i = 0; i < members.size(); ++i) {
        if ((*values)[i].empty()) continue;
        auto text = json_text((*values)[i]);
        if (!text || text->size() > max_metadata_text)
            return fail(
                json_errc::malformed, {},
                fmt::format("metadata: {} must be a text of at most {} bytes", names[i], max_metadata_text));
        metadata.*members[i].text = std::move(*text);
    }
    return metadata;
}

std::vector<Header> to_headers(const Metadata& metadata) {
    std::vector<Header> headers;
    for (const auto& [name, header, text] : members)
        if (!(metadata.*text).empty()) headers.push_back({std::string{header}, metadata.*text});
    return headers;
}

Metadata metadata_of(std::span<const HeaderView> headers) {
    Metadata metadata;
    for (const auto& [name, header, text] : members) {
        const auto found = std::ranges::find(headers, header, &HeaderView::name);
        if (found != headers.end() && found->value.size() <= max_metadata_text && valid_utf8(found->value))
            metadata.*text = found->value;
    }
    return metadata;
}

}  // namespace stepcast::event
