#include "base/text.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace stepcast {
namespace {

TEST(Text, a_number_is_all_of_its_text) {
    EXPECT_EQ(parse_number<int>("-42"), -42);
    EXPECT_EQ(parse_number<std::uint64_t>("18446744073709551615"), UINT64_MAX);
    for (const auto* text : {"", " 1", "1 ", "+1", "1.0", "0x1", "18446744073709551616"})
        EXPECT_FALSE(parse_number<std::uint64_t>(text)) << text;
    EXPECT_FALSE(parse_number<std::uint64_t>("-1"));
    EXPECT_FALSE(parse_number<std::uint8_t>("256"));
}

TEST(Text, utf8_follows_rfc_3629) {
    for (const auto* good :
         {"", "abc", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
          "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "결제", "twelve bytes \xE2\x82\xAC"})
        EXPECT_TRUE(valid_utf8(good)) << good;
    for (const auto* bad :
         {"\x80", "\xC0\x80", "\xC1\xBF", "\xC2", "\xE0\x9F\xBF", "\xE2\x82", "\xED\xA0\x80", "\xED\xBF\xBF",
          "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "eight by\xFF", "\xC2\x41"})
        EXPECT_FALSE(valid_utf8(bad));
}

TEST(Text, code_points_are_counted_not_bytes) {
    EXPECT_EQ(count_code_points(""), 0u);
    EXPECT_EQ(count_code_points("a결😀"), 3u);
}

TEST(Text, controls_are_c0_del_c1_and_the_separators) {
    for (const auto* text : {"a\n", "\x7F", "\xC2\x80", "\xC2\x9F", "\xE2\x80\xA8", "\xE2\x80\xA9", "\t"})
        EXPECT_TRUE(has_control(text));
    EXPECT_TRUE(has_control(std::string_view{"\0", 1}));
    for (const auto* text : {"\xEF\xBB\xBFx",
                             "a\xE2\x80\xAE"
                             "b",
                             "a\xE2\x81\xA6"
                             "b"})
        EXPECT_TRUE(has_control(text));
    for (const auto* text : {"\u00AD", "\u0085", "\u200B", "\u2060", "\uFFF9", "\uFDD0", "\uFFFF",
                             "\U000E0001", "\U0010FFFE", "결제\u200B"})
        EXPECT_TRUE(has_control(text)) << text;
    for (const auto* text : {"", "plain", "\xC2\xA0", "\xE2\x80\xA7", "결제", "\u200D", "\u200E", "\uFFFD",
                             "\U0001F469\u200D\U0001F4BB", "\U0010FFFD"})
        EXPECT_FALSE(has_control(text));
}

TEST(Text, sizes_have_binary_units) {
    EXPECT_EQ(parse_size("512"), 512u);
    EXPECT_EQ(parse_size("512B"), 512u);
    EXPECT_EQ(parse_size("1KiB"), 1024u);
    EXPECT_EQ(parse_size("64MiB"), 64u << 20);
    EXPECT_EQ(parse_size("3GiB"), 3ull << 30);
    for (const auto* text : {"", "KiB", "1KB", "1 KiB", "-1", "1kib", "1.5MiB", "99999999999GiB", "1KiBx"})
        EXPECT_FALSE(parse_size(text)) << text;
    EXPECT_EQ(format_size(0), "0B");
    EXPECT_EQ(format_size(65'536), "64KiB");
    EXPECT_EQ(format_size(1000), "1000B");
}

RC_GTEST_PROP(TextProperty, a_size_survives_its_text, (std::uint64_t bytes)) {
    RC_ASSERT(parse_size(format_size(bytes)) == bytes);
}

RC_GTEST_PROP(TextProperty, a_number_survives_its_text, (std::int64_t number)) {
    std::string text;
    append_number(text, number);
    RC_ASSERT(parse_number<std::int64_t>(text) == number);
}

RC_GTEST_PROP(TextProperty, every_code_point_is_valid_and_counts_once, ()) {
    std::string text;
    const auto points = *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::oneOf(
        rc::gen::inRange<std::uint32_t>(0, 0xD800), rc::gen::inRange<std::uint32_t>(0xE000, 0x110000)));
    for (const auto p : points) {
        const auto put = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
        if (p < 0x80)
            put(p);
        else if (p < 0x800)
            put(0xC0 | p >> 6), put(0x80 | (p & 0x3F));
        else if (p < 0x10000)
            put(0xE0 | p >> 12), put(0x80 | (p >> 6 & 0x3F)), put(0x80 | (p & 0x3F));
        else
            put(0xF0 | p >> 18), put(0x80 | (p >> 12 & 0x3F)), put(0x80 | (p >> 6 & 0x3F)),
                put(0x80 | (p & 0x3F));
    }
    RC_ASSERT(valid_utf8(text));
    RC_ASSERT(count_code_points(text) == points.size());
    if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0x80)
        RC_ASSERT(!valid_utf8({text.data(), text.size() - 1}));
}

TEST(Text, bytes_are_hex_and_back_and_nothing_else_is) {
    EXPECT_EQ(hex_of(std::string_view{"\0\xab~", 3}), "00ab7e");
    EXPECT_EQ(bytes_of_hex("00AB7e"), (std::string{"\0\xab~", 3}));
    EXPECT_EQ(bytes_of_hex(""), "");
    for (const auto* text : {"0", "0g", "g0", "-1", " 1", "0x"}) EXPECT_FALSE(bytes_of_hex(text)) << text;
}

}  // namespace
}  // namespace stepcast
