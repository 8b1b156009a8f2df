#pragma once
#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stepcast {

/// Appends a whole number in decimal.
template <std::integral N>
void append_number(std::string& out, N value) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    out.append(digits, static_cast<std::size_t>(end - digits));
}

/// Reads a whole number that is all of `text`: no sign for unsigned types, no spaces, no overflow.
template <std::integral N>
std::optional<N> parse_number(std::string_view text) {
    N value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// True if `text` is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates).
bool valid_utf8(std::string_view text);
/// How many bytes at its beginning are that; the next one is what is wrong.
std::size_t valid_utf8_prefix(std::string_view text);

/// How many code points valid UTF-8 holds.
std::size_t count_code_points(std::string_view text);

/// True if valid UTF-8 holds what is not printed: a control character (C0, DEL, C1), a line or paragraph
/// separator, a byte order mark, a bidirectional control, an invisible format character other than the
/// joiners and direction marks, or a noncharacter. Ids may not contain them.
bool has_control(std::string_view text);

/// Bytes as pairs of lower-case hexadecimal digits, and back: of either case; nothing if it is no such text.
std::string hex_of(std::string_view bytes);
std::optional<std::string> bytes_of_hex(std::string_view hex);

/// Reads "64MiB", "1KiB", "512B" or a bare count of bytes.
std::optional<std::uint64_t> parse_size(std::string_view text);

/// The largest unit that is exact: 65536 is "64KiB".
std::string format_size(std::uint64_t bytes);

}  // namespace stepcast
