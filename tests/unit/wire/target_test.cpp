#include "wire/target.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "wire/chars.hpp"

namespace stepcast::wire {
namespace {

RC_GTEST_PROP(PercentEncoding, decodes_to_what_was_encoded, (const std::string& text)) {
    std::string encoded, decoded;
    append_percent_encoded(encoded, text);
    RC_ASSERT(std::ranges::none_of(encoded, [](char c) {
        return c == '/' || c == '?' || c == '&' || c == '+' || c == '#' || is_control(c);
    }));
    const bool controls = std::ranges::any_of(text, is_control);
    RC_ASSERT((percent_decode(encoded, true, decoded) != nullptr) == controls);
    if (!controls) RC_ASSERT(decoded == text);
}

TEST(Target, an_escaped_slash_is_known_by_its_place) {
    Target target;
    ASSERT_EQ(parse_target("/status/a%2Fb", false, target), nullptr);
    EXPECT_EQ(target.path, "/status/a/b");
    EXPECT_EQ(target.escaped_slashes, std::vector<std::uint32_t>{9});
}

TEST(Target, an_escape_is_decoded_once) {
    Target target;
    ASSERT_EQ(parse_target("/%252F?a=%2541", false, target), nullptr);
    EXPECT_EQ(target.path, "/%2F");
    EXPECT_EQ(target.query[0].second, "%41");
}

TEST(Authority, takes_hosts_and_ports_only) {
    for (const auto* good :
         {"a", "localhost:8082", "127.0.0.1", "[::1]:1", "[::ffff:1.2.3.4]", "a.b-c_d:", "x%20y"})
        EXPECT_TRUE(valid_authority(good)) << good;
    for (const auto* bad : {"", ":1", "a:b", "a:65536", "a:1:2", "[]", "[::1]x", "a b", "a/b", "a?b", "u@h",
                            "x%2", "\"a\"", "가"})
        EXPECT_FALSE(valid_authority(bad)) << bad;
}

}  // namespace
}  // namespace stepcast::wire
