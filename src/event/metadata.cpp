#include "event/metadata.hpp"

#include <fmt/format.h>

#include <array>

#include "event/json_reader.hpp"

namespace stepcast::event {
namespace {

struct Member {
    std::string_view name;
    std::string Metadata::* text;
};

constexpr std::array<Member, 4> members{{{"correlationId", &Metadata::correlation_id},
                                         {"causationId", &Metadata::causation_id},
                                         {"traceparent", &Metadata::traceparent},
                                         {"actor", &Metadata::actor}}};

}  // namespace

std::string to_json(const Metadata& metadata) {
    std::string out;
    for (const auto& [name, text] : members) {
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

}  // namespace stepcast::event
