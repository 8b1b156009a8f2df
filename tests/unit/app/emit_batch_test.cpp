#include "app/emit_batch.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

namespace stepcast::app {
namespace {

TEST(EmitBatch, events_without_an_id_are_given_one_and_others_keep_theirs) {
    EmitBatch batch;
    ASSERT_TRUE(batch.add(R"({"taskId":"t","userId":"u"})", 1));
    ASSERT_TRUE(batch.add(R"({"eventId":"mine","taskId":"t"})", 2));
    ASSERT_TRUE(batch.add(R"({"eventId":null})", 3));
    const auto events = boost::json::parse(batch.body()).as_array();
    ASSERT_EQ(events.size(), 3u);
    EXPECT_EQ(events[0].at("eventId").as_string().size(), 36u);
    EXPECT_EQ(events[1].at("eventId").as_string(), "mine");
    EXPECT_EQ(events[2].at("eventId").as_string().size(), 36u);
}

TEST(EmitBatch, blank_lines_are_passed_over_and_bad_ones_told) {
    EmitBatch batch;
    EXPECT_TRUE(batch.add("", 1));
    EXPECT_TRUE(batch.add("  \r", 2));
    EXPECT_TRUE(batch.empty());
    EXPECT_FALSE(batch.add("{", 3));
    EXPECT_FALSE(batch.add("[]", 4));
    EXPECT_FALSE(batch.add("{} {}", 5));
    EXPECT_TRUE(batch.empty());
}

TEST(EmitBatch, a_refusal_names_the_line_and_the_field) {
    EmitBatch batch;
    for (const std::size_t line : {10u, 12u, 13u}) ASSERT_TRUE(batch.add("{}", line));
    EXPECT_EQ(batch.explain(R"({"field":"[1].percentage","detail":"[1].percentage: must be 0 to 100"})", "x"),
              "line 12: percentage: must be 0 to 100");
    EXPECT_EQ(batch.explain(R"({"field":"[2]","detail":"[2]: must be an object"})", "x"),
              "line 13: must be an object");
    EXPECT_EQ(batch.explain(R"({"field":"[0].a","detail":"odd"})", "x"), "line 10: odd");
    EXPECT_EQ(batch.explain(R"({"field":"[7].a","detail":"[7].a: odd"})", "x"), "lines 10 to 13: [7].a: odd");
    EXPECT_EQ(batch.explain(R"({"detail":"busy"})", "x"), "lines 10 to 13: busy");
    EXPECT_EQ(batch.explain("<html>", "the server answered 502"), "lines 10 to 13: the server answered 502");
}

}  // namespace
}  // namespace stepcast::app
