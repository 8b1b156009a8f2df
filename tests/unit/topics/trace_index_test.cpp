#include "domain/topics/trace_index.hpp"

#include <gtest/gtest.h>

namespace stepcast::topics {
namespace {

using namespace std::chrono_literals;

const Timestamp noon{12h};

Traced message(Timestamp at, std::string id, std::size_t bytes = 0) {
    return {at, SeenMessage{.value = std::string(bytes, 'x'), .id = std::move(id)}};
}

std::vector<std::string> ids(const std::optional<TraceIndex::Trace>& trace) {
    std::vector<std::string> all;
    if (trace)
        for (const auto& item : trace->items) all.push_back(std::get<SeenMessage>(item.what).id);
    return all;
}

using Ids = std::vector<std::string>;

TEST(TraceIndex, finds_all_that_one_request_caused) {
    TraceIndex index{{}};
    index.add("a", message(noon, "1"), noon);
    index.add("b", message(noon, "2"), noon);
    index.add("a", message(noon, "3"), noon);
    EXPECT_EQ(ids(index.find("a", noon)), (Ids{"1", "3"}));
    EXPECT_FALSE(index.find("a", noon)->truncated);
    EXPECT_FALSE(index.find("c", noon));
}

TEST(TraceIndex, forgets_what_is_old_and_takes_nothing_that_is) {
    TraceIndex index{{.keep = 1h}};
    index.add("a", message(noon, "1"), noon);
    index.add("a", message(noon + 30min, "2"), noon + 30min);
    EXPECT_EQ(ids(index.find("a", noon + 1h)), (Ids{"1", "2"}));
    EXPECT_EQ(ids(index.find("a", noon + 61min)), (Ids{"2"}));
    EXPECT_TRUE(index.find("a", noon + 61min)->truncated);
    EXPECT_FALSE(index.find("a", noon + 3h));
    index.add("b", message(noon, "3"), noon + 3h);
    EXPECT_EQ(index.size(), 0u);
    EXPECT_EQ(index.bytes(), 0u);
}

TEST(TraceIndex, drops_what_was_seen_first_where_there_is_no_room_and_says_so) {
    TraceIndex index{{.max_bytes = 5'000}};
    index.add("a", message(noon, "1", 1'000), noon);
    index.add("b", message(noon, "2", 1'000), noon);
    index.add("a", message(noon, "3", 1'000), noon);
    index.add("b", message(noon, "4", 1'000), noon);
    EXPECT_LE(index.bytes(), 5'000u);
    EXPECT_EQ(ids(index.find("a", noon)), (Ids{"3"}));
    EXPECT_TRUE(index.find("a", noon)->truncated);
    EXPECT_EQ(ids(index.find("b", noon)), (Ids{"2", "4"}));
    EXPECT_FALSE(index.find("b", noon)->truncated);
    EXPECT_EQ(index.dropped(), 1u);
    index.add("c", message(noon, "5", 9'000), noon);  // larger than all of it
    EXPECT_FALSE(index.find("c", noon));
    EXPECT_EQ(index.size(), 3u);
}

TEST(TraceIndex, holds_so_many_of_one_request) {
    TraceIndex index{{.max_items = 2}};
    for (const auto* id : {"1", "2", "3"}) index.add("a", message(noon, id), noon);
    EXPECT_EQ(ids(index.find("a", noon)), (Ids{"1", "2"}));
    EXPECT_TRUE(index.find("a", noon)->truncated);
}

TEST(TraceRows, stand_by_time_and_each_behind_its_cause) {
    std::vector<TraceRow> rows{{noon, "3", "2", "c"},       {noon + 1ms, "4", "1", "d"},
                               {noon, "2", "1", "b"},       {noon, "1", "elsewhere", "a"},
                               {noon - 1ms, "0", "4", "z"}, {noon, "", "", "e"}};
    sort_rows(rows);
    std::string order;
    for (const auto& row : rows) order += row.json;
    EXPECT_EQ(order, "zaebcd");
}

TEST(TraceRows, that_cause_each_other_are_all_there) {
    std::vector<TraceRow> rows{{noon, "1", "2", "a"}, {noon, "2", "1", "b"}, {noon, "3", "3", "c"}};
    sort_rows(rows);
    EXPECT_EQ(rows.size(), 3u);
    for (const auto& row : rows) EXPECT_EQ(row.json.size(), 1u);
}

}  // namespace
}  // namespace stepcast::topics
