#include "base/text.hpp"

#include <algorithm>
#include <array>

#include "base/scan.hpp"

namespace stepcast {
namespace {

struct SizeUnit {
    std::string_view name;
    std::uint64_t bytes;
};
constexpr std::array<SizeUnit, 4> size_units{
    {{"GiB", 1u << 30}, {"MiB", 1u << 20}, {"KiB", 1u << 10}, {"B", 1}}};

bool continuation(unsigned char c) {
    return (c & 0xC0) == 0x80;
}

// Length of the well-formed sequence at `p`, 0 if there is none.
std::size_t sequence_length(const unsigned char* p, std::size_t left) {
    if (p[0] < 0x80) return 1;
    if (p[0] >= 0xC2 && p[0] <= 0xDF) return left > 1 && continuation(p[1]) ? 2 : 0;
    if (p[0] >= 0xE0 && p[0] <= 0xEF) {
        if (left < 3 || !continuation(p[1]) || !continuation(p[2])) return 0;
        if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F)) return 0;
        return 3;
    }
    if (p[0] >= 0xF0 && p[0] <= 0xF4) {
        if (left < 4 || !continuation(p[1]) || !continuation(p[2]) || !continuation(p[3])) return 0;
        if ((p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F)) return 0;
        return 4;
    }
    return 0;
}

// Beyond ASCII: what is not seen, or makes a text look like another. Joiners (U+200C, U+200D) and direction
// marks stand in honest text.
bool is_unprintable(std::uint32_t point) {
    const auto within = [point](std::uint32_t first, std::uint32_t last) {
        return point >= first && point <= last;
    };
    return point < 0xA0 || point == 0xAD || point == 0x200B || within(0x2028, 0x202E) ||
           within(0x2060, 0x206F) || point == 0xFEFF || within(0xFFF9, 0xFFFB) || within(0xFDD0, 0xFDEF) ||
           (point & 0xFFFE) == 0xFFFE || point == 0xE0001;
}

}  // namespace

std::size_t valid_utf8_prefix(std::string_view text) {
    const auto beyond_ascii = [](Bytes16 bytes) { return bytes >= 0x80; };
    std::size_t valid = 0;
    while ((valid += prefix_without(text.substr(valid), beyond_ascii)) != text.size()) {
        const auto* const p = reinterpret_cast<const unsigned char*>(text.data() + valid);
        const std::size_t length = sequence_length(p, text.size() - valid);
        if (length == 0) break;
        valid += length;
    }
    return valid;
}

bool valid_utf8(std::string_view text) {
    return valid_utf8_prefix(text) == text.size();
}

std::size_t count_code_points(std::string_view text) {
    std::size_t count = 0;
    for (const char c : text) count += !continuation(static_cast<unsigned char>(c));
    return count;
}

bool has_control(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c < 0x80) {
            if (c < 0x20 || c == 0x7F) return true;
            ++i;
            continue;
        }
        const std::size_t length = c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
        std::uint32_t point = c & (0x7Fu >> length);
        for (std::size_t k = i + 1; k < std::min(i + length, text.size()); ++k)
            point = point << 6 | (static_cast<unsigned char>(text[k]) & 0x3Fu);
        if (is_unprintable(point)) return true;
        i += length;
    }
    return false;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
    std::uint64_t value = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{}) return std::nullopt;
    const std::string_view unit{rest, static_cast<std::size_t>(text.data() + text.size() - rest)};
    if (unit.empty()) return value;
    for (const auto& [name, bytes] : size_units)
        if (unit == name && value <= UINT64_MAX / bytes) return value * bytes;
    return std::nullopt;
}

std::string format_size(std::uint64_t bytes) {
    for (const auto& [name, unit] : size_units)
        if (bytes != 0 && bytes % unit == 0) return std::to_string(bytes / unit).append(name);
    return "0B";
}

std::string hex_of(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hex;
    hex.reserve(2 * bytes.size());
    for (const unsigned char byte : bytes) hex.append({digits[byte >> 4], digits[byte & 15]});
    return hex;
}

std::optional<std::string> bytes_of_hex(std::string_view hex) {
    if (hex.size() % 2 != 0) return std::nullopt;
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        std::uint8_t byte = 0;
        const auto* const from = hex.data() + i;
        if (const auto [end, error] = std::from_chars(from, from + 2, byte, 16);
            error != std::errc{} || end != from + 2)
            return std::nullopt;
        bytes += static_cast<char>(byte);
    }
    return bytes;
}

}  // namespace stepcast
