#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace stepcast {

/// Sixteen bytes of a text. Comparing them to a byte gives flags: all bits of each byte for which it holds.
using Bytes16 = std::uint8_t __attribute__((ext_vector_type(16)));

/// How many bytes at the beginning of `text` are not flagged by `flags_of(Bytes16)`. Looks at sixteen at a
/// time; never outside of the text.
template <class FlagsOf>
std::size_t prefix_without(std::string_view text, FlagsOf flags_of) {
    using Bits = bool __attribute__((ext_vector_type(16)));
    constexpr std::size_t width = sizeof(Bytes16);
    const auto bits = [&](const char* bytes, std::size_t count) {
        Bytes16 block = 0;
        std::memcpy(&block, bytes, count);
        const auto flags = flags_of(block);
        return std::uint32_t{std::bit_cast<std::uint16_t>(__builtin_convertvector(flags, Bits))};
    };
    const auto first = [](std::uint32_t found) { return static_cast<std::size_t>(std::countr_zero(found)); };
    const std::size_t size = text.size();
    std::size_t at = 0;
    for (; size - at >= width; at += width)
        if (const auto found = bits(text.data() + at, width); found != 0) return at + first(found);
    const std::size_t rest = size - at;
    if (rest == 0) return size;
    // The whole block that ends with the text, where there is one: those before the rest are shifted out.
    const auto found =
        size >= width ? bits(text.data() + size - width, width) >> (width - rest) : bits(text.data(), rest);
    return at + std::min(found != 0 ? first(found) : rest, rest);
}

}  // namespace stepcast
