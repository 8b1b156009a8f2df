#pragma once
#include <bit>
#include <cstddef>
#include <string>

namespace stepcast {

/// What an allocation of `size` bytes takes: jemalloc's size classes (four to a doubling, multiples of 16 up
/// to 128), which are near enough to those of other allocators.
constexpr std::size_t heap_bytes(std::size_t size) {
    if (size == 0) return 0;
    const std::size_t step = size <= 128 ? 16 : std::bit_floor(size - 1) / 4;
    return (size + step - 1) / step * step;
}

/// What a string takes beside itself.
inline std::size_t heap_bytes(const std::string& text) {
    constexpr std::size_t inside = 15;
    return text.capacity() <= inside ? 0 : heap_bytes(text.capacity() + 1);
}

}  // namespace stepcast
