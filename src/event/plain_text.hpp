#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace stepcast::event {

/// How many bytes at the beginning of `text` stand in a JSON string as they are: before the first quote,
/// backslash or control character, and with `separators` before the first byte that may begin U+2028 or
/// U+2029. Looks at eight bytes at a time.
template <bool separators = false>
std::size_t plain_prefix(std::string_view text) {
    constexpr std::uint64_t ones = 0x0101010101010101;
    constexpr std::uint64_t highs = 0x8080808080808080;
    // Not zero if a byte is below `limit`, which is at most 0x80.
    const auto below = [](std::uint64_t word, std::uint64_t limit) {
        return (word - ones * limit) & ~word & highs;
    };
    std::size_t plain = 0;
    for (; text.size() - plain >= sizeof(std::uint64_t); plain += sizeof(std::uint64_t)) {
        std::uint64_t word;
        std::memcpy(&word, text.data() + plain, sizeof word);
        std::uint64_t found = below(word ^ ones * '"', 1) | below(word ^ ones * '\\', 1) | below(word, 0x20);
        if constexpr (separators) found |= below(word ^ ones * 0xE2, 1);
        if (found != 0) break;
    }
    for (; plain < text.size(); ++plain) {
        const auto c = static_cast<unsigned char>(text[plain]);
        if (c < 0x20 || c == '"' || c == '\\' || (separators && c == 0xE2)) break;
    }
    return plain;
}

}  // namespace stepcast::event
