#include "http/links.hpp"

#include <gtest/gtest.h>

#include "http/time_parameter.hpp"

namespace stepcast::http {
namespace {

TEST(Links, go_on_behind_a_place_with_all_that_was_asked_for) {
    Request request;
    request.path = "/api/a b/c";
    request.escaped_slashes = {8};
    request.query = {{"status", "PAID"}, {"after", "1:x"}, {"since", "2026-01-01T00:00:00+09:00"}};
    EXPECT_EQ(link_behind(request, "7:김 &"),
              "</api/a%20b%2Fc?status=PAID&since=2026%2D01%2D01T00%3A00%3A00%2B09%3A00&after="
              "7%3A%EA%B9%80%20%26>; rel=\"next\"");
}

TEST(TimeParameter, is_a_time_or_refused_by_its_name) {
    Request request;
    const auto absent = optional_time(request, "since");
    ASSERT_TRUE(absent);
    EXPECT_EQ(*absent, std::nullopt);
    request.query = {{"since", "2026-01-01T09:00:00 09:00"}, {"until", "noon"}};
    const auto given = optional_time(request, "since");
    ASSERT_TRUE(given);
    EXPECT_EQ(*given, parse_rfc3339("2026-01-01T00:00:00Z"));
    const auto refused = optional_time(request, "until");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().status, 400);
    EXPECT_NE(refused.error().body.find("\"field\":\"until\""), std::string::npos);
}

}  // namespace
}  // namespace stepcast::http
