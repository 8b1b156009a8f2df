#include "http/past.hpp"

#include <gtest/gtest.h>

namespace stepcast::http {
namespace {

Request with_query(std::vector<std::pair<std::string, std::string>> query) {
    Request request;
    request.query = std::move(query);
    return request;
}

TEST(Past, a_past_is_named_by_version_or_by_time_and_not_by_both) {
    EXPECT_FALSE(past_of({})->version || past_of({})->at);
    EXPECT_EQ(past_of(with_query({{"version", "7"}}))->version, 7u);
    const auto utc = past_of(with_query({{"at", "2026-11-28T06:00:00Z"}}))->at;
    ASSERT_TRUE(utc);
    EXPECT_EQ(past_of(with_query({{"at", "2026-11-28T15:00:00+09:00"}}))->at, utc);
    EXPECT_EQ(past_of(with_query({{"at", "2026-11-28T15:00:00 09:00"}}))->at, utc)
        << "a '+' that was not escaped";
    EXPECT_EQ(past_of(with_query({{"at", "yesterday"}})).error().status, 400);
    EXPECT_EQ(past_of(with_query({{"version", "0"}})).error().status, 400);
    EXPECT_EQ(past_of(with_query({{"version", "1"}, {"at", "2026-11-28T06:00:00Z"}})).error().status, 400);
}

TEST(Past, an_unchanged_answer_has_the_etag_of_its_version) {
    const auto answer = unchanged(etag_of(7));
    EXPECT_EQ(answer.status, 304);
    EXPECT_EQ(answer.headers.front(), (std::pair<std::string, std::string>{"ETag", "\"v7\""}));
}

TEST(Past, the_header_of_an_event_source_beats_the_parameter) {
    Request request = with_query({{"lastEventId", "e.1"}});
    EXPECT_EQ(cursor_of(request), "e.1");
    request.headers.emplace_back("last-event-id", "e.2");
    EXPECT_EQ(cursor_of(request), "e.2");
    EXPECT_EQ(cursor_of({}), "");
}

}  // namespace
}  // namespace stepcast::http
