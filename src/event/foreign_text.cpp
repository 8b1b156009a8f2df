#include "event/foreign_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace stepcast::event {
namespace {

using namespace std::string_view_literals;

// With a byte order mark or without one: JSON begins with ASCII.
bool is_utf16(std::string_view bytes) {
    if (bytes.starts_with("\xFF\xFE"sv) || bytes.starts_with("\xFE\xFF"sv)) return true;
    if (bytes.size() < 4) return false;
    const auto brackets = "{["sv;
    return (bytes[0] == '\0' && brackets.find(bytes[1]) != brackets.npos && bytes[2] == '\0') ||
           (bytes[1] == '\0' && brackets.find(bytes[0]) != brackets.npos && bytes[3] == '\0');
}

// A zero byte, the id of a schema in four bytes, and a value.
bool is_confluent(std::string_view bytes) {
    return bytes.size() > 5 && bytes[0] == '\0';
}

std::uint32_t schema_id(std::string_view bytes) {
    std::uint32_t id = 0;
    for (const char c : bytes.substr(1, 4)) id = id << 8 | static_cast<unsigned char>(c);
    return id;
}

// `name=value`, the name as a browser or curl's --data-urlencode writes it.
bool is_form(std::string_view bytes) {
    constexpr std::size_t longest_name = 256;
    const auto equals = bytes.substr(0, longest_name).find('=');
    if (equals == bytes.npos || equals == 0) return false;
    return std::ranges::all_of(bytes.substr(0, equals), [](unsigned char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               "_-.*+%[]"sv.find(static_cast<char>(c)) != std::string_view::npos;
    });
}

bool is_markup(std::string_view bytes) {
    const auto begin = bytes.find_first_not_of(" \t\r\n"sv);
    return begin != bytes.npos && bytes[begin] == '<';
}

std::string looks_like(std::string_view what, std::string_view instead) {
    return fmt::format("not JSON, it looks like {}: {}", what, instead);
}

}  // namespace

std::string describe_foreign(std::string_view bytes) {
    if (is_utf16(bytes)) return looks_like("UTF-16", "send UTF-8");
    if (is_confluent(bytes))
        return looks_like(
            fmt::format("Confluent's wire format (magic byte 0, schema id {})", schema_id(bytes)),
            "send the JSON alone, by a serializer that uses no schema registry");
    if (bytes.starts_with("\x1F\x8B"sv)) return looks_like("gzip", "send the JSON itself, not compressed");
    if (bytes.starts_with("\x28\xB5\x2F\xFD"sv))
        return looks_like("Zstandard", "send the JSON itself, not compressed");
    if (is_markup(bytes)) return looks_like("XML or HTML", "send a JSON object");
    if (is_form(bytes))
        return looks_like("a form (name=value)",
                          "send a JSON object, over HTTP with Content-Type: application/json");
    return {};
}

}  // namespace stepcast::event
