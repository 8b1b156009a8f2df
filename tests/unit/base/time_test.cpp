#include "base/time.hpp"

#include <gtest/gtest.h>

namespace stepcast {
namespace {

TEST(Rfc3339, offsets_and_fractions_become_utc_milliseconds) {
    EXPECT_EQ(format_rfc3339(*parse_rfc3339("2024-01-01T19:00:00.5+09:00")), "2024-01-01T10:00:00.500Z");
    EXPECT_EQ(format_rfc3339(*parse_rfc3339("2023-12-31T23:59:60Z")), "2023-12-31T23:59:59.999Z");
    EXPECT_EQ(format_rfc3339(*parse_rfc3339("2024-02-29t00:00:00.123456z")), "2024-02-29T00:00:00.123Z");
}

TEST(Rfc3339, refuses_what_is_no_moment) {
    for (const auto* text :
         {"", "2024-01-01", "2023-02-29T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T10:00:00",
          "2024-01-01T10:00:00.Z", "2024-01-01T10:00:00+9:00", "2024-01-01T10:00:00Zx", "24-1-1T1:0:0Z",
          "9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+23:59"})
        EXPECT_FALSE(parse_rfc3339(text)) << text;
}

TEST(DurationText, reads_units_and_writes_the_largest_exact_one) {
    EXPECT_EQ(parse_duration("300ms"), Duration{300});
    EXPECT_EQ(parse_duration("7d"), std::chrono::hours{168});
    EXPECT_EQ(format_duration(std::chrono::hours{168}), "7d");
    EXPECT_EQ(format_duration(Duration{90'000}), "90s");
    EXPECT_EQ(format_duration(Duration{0}), "0s");
    for (const auto* text : {"", "5", "-1s", "1.5s", "5 s", "s", "99999999999999999d"})
        EXPECT_FALSE(parse_duration(text)) << text;
}

}  // namespace
}  // namespace stepcast
