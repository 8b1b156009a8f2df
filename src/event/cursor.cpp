#include "event/cursor.hpp"

#include "base/text.hpp"

namespace stepcast::event {

std::string Cursor::text() const {
    std::string out = epoch;
    out += '.';
    append_number(out, position);
    return out;
}

std::optional<Cursor> parse_cursor(std::string_view text) {
    const auto dot = text.find('.');
    if (dot == std::string_view::npos || dot == 0 || dot > 16) return std::nullopt;
    const auto position = parse_number<Position>(text.substr(dot + 1));
    if (!position) return std::nullopt;
    for (const char c : text.substr(0, dot))
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'))) return std::nullopt;
    return Cursor{std::string{text.substr(0, dot)}, *position};
}

std::string live_frame(std::string_view epoch, Position position) {
    const std::string cursor = Cursor{std::string{epoch}, position}.text();
    std::string out = "id: ";
    out.append(cursor).append("\nevent: live\ndata: {\"cursor\":\"").append(cursor);
    return out.append("\"}\n\n");
}

}  // namespace stepcast::event
