#include "event/ids.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace stepcast::event {

// Bytes first: counting the characters of a megabyte to refuse it would be work for nothing.
std::string_view fault_of_id(std::string_view id) {
    if (id.empty()) return "must not be empty";
    const auto printable = [](char c) { return c >= 0x20 && c < 0x7F; };
    if (id.size() <= max_id_characters && std::ranges::all_of(id, printable)) return {};  // as nearly all are
    if (!valid_utf8(id)) return "must be valid UTF-8";
    if (id.size() > 4 * max_id_characters || count_code_points(id) > max_id_characters)
        return "must have at most 128 characters";
    if (has_control(id)) return "must not contain control characters";
    return {};
}

std::string_view fault_of_text(std::string_view text) {
    if (!valid_utf8(text)) return "must be valid UTF-8";
    if (text.size() > 4 * max_text_characters || count_code_points(text) > max_text_characters)
        return "must have at most 256 characters";
    if (has_control(text)) return "must not contain control characters";
    return {};
}

}  // namespace stepcast::event
