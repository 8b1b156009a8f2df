#include <gtest/gtest.h>
#include <algorithm>
#include <memory>
#include <string>

#include "base/scan.hpp"

namespace stepcast {
namespace {

std::size_t before_control(std::string_view text) {
    return prefix_without(text, [](Bytes16 bytes) { return (bytes < 0x20) | (bytes == 0xE2); });
}

TEST(Scan, the_first_flagged_byte_is_found_at_every_place_of_every_length) {
    for (std::size_t size = 0; size <= 50; ++size) {
        // Of exactly this size, so that a sanitizer sees a look beyond it.
        const std::unique_ptr<char[]> text{new char[size]};
        std::fill_n(text.get(), size, ' ');
        EXPECT_EQ(before_control({text.get(), size}), size);
        for (std::size_t at = size; at-- > 0;) {
            for (const char flagged : {'\0', '\x1F', '\xE2'}) {
                text[at] = flagged;
                EXPECT_EQ(before_control({text.get(), size}), at) << size;
            }
        }
    }
}

TEST(Scan, a_byte_beside_a_flagged_one_is_none) {
    for (int byte = 0; byte < 256; ++byte) {
        const std::string text(20, static_cast<char>(byte));
        const bool flagged = byte < 0x20 || byte == 0xE2;
        EXPECT_EQ(before_control(text), flagged ? 0U : text.size()) << byte;
        EXPECT_EQ(before_control(std::string(15, ' ') + text), flagged ? 15U : 35U) << byte;
        EXPECT_EQ(before_control(text.substr(0, 3)), flagged ? 0U : 3U) << byte;
    }
}

}  // namespace
}  // namespace stepcast
