#include "event/trace.hpp"

#include <fmt/format.h>

#include "base/random.hpp"

namespace stepcast::event {
namespace {

bool all_hex(std::string_view digits) {
    return digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool all_zero(std::string_view digits) {
    return digits.find_first_not_of('0') == std::string_view::npos;
}

}  // namespace

std::optional<TraceParent> read_traceparent(std::string_view text) {
    // version "-" trace-id "-" parent-id "-" flags; versions after 00 may go on behind another "-".
    constexpr std::size_t id_at = 3, id_size = 32, parent_at = 36, flags_at = 53, size = 55;
    if (text.size() < size || text[2] != '-' || text[parent_at - 1] != '-' || text[flags_at - 1] != '-')
        return std::nullopt;
    const auto version = text.substr(0, 2);
    if (!all_hex(version) || version == "ff" ||
        (text.size() > size && (version == "00" || text[size] != '-')))
        return std::nullopt;
    const TraceParent read{text.substr(id_at, id_size), text.substr(parent_at, flags_at - 1 - parent_at),
                           text.substr(flags_at, 2)};
    const bool valid = all_hex(read.trace_id) && all_hex(read.parent_id) && all_hex(read.flags) &&
                       !all_zero(read.trace_id) && !all_zero(read.parent_id);
    return valid ? std::optional{read} : std::nullopt;
}

std::string next_hop(std::string_view traceparent) {
    const auto from = read_traceparent(traceparent);
    if (!from) return {};
    auto span = random_u64();
    while (span == 0) span = random_u64();
    return fmt::format("00-{}-{:016x}-{}", from->trace_id, span, from->flags);
}

}  // namespace stepcast::event
