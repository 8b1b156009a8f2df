#pragma once
#include <cstddef>
#include <string_view>

#include "base/scan.hpp"

namespace stepcast::event {

/// How many bytes at the beginning of `text` stand in a JSON string as they are: before the first quote,
/// backslash or control character, and with `separators` before the first byte that may begin U+2028 or
/// U+2029.
template <bool separators = false>
std::size_t plain_prefix(std::string_view text) {
    return prefix_without(text, [](Bytes16 bytes) {
        const auto flags = (bytes == '"') | (bytes == '\\') | (bytes < 0x20);
        return separators ? flags | (bytes == 0xE2) : flags;
    });
}

}  // namespace stepcast::event
