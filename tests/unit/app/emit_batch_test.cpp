#include "app/commands/emit_batch.hpp"

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

TEST(EmitBatch, a_line_goes_out_as_it_came_behind_its_byte_order_mark) {
    EmitBatch batch;
    ASSERT_TRUE(batch.add(
        "\xEF\xBB\xBF{\"eventId\":\"e\",\"percentage\":50.0,\"detail\":{\"n\":0.30000000000000004}} \r", 1));
    EXPECT_EQ(batch.body(), R"([{"eventId":"e","percentage":50.0,"detail":{"n":0.30000000000000004}}])");
}

TEST(EmitBatch, a_line_that_is_no_json_object_is_told_what_is_wrong_and_where) {
    EmitBatch batch;
    EXPECT_EQ(batch.add("{\"a\" 1}", 1).error(),
              "not valid JSON: at byte 6 '1' stands where ':' is expected");
    EXPECT_EQ(batch.add("7", 1).error(), "must be a JSON object");
    EXPECT_EQ(batch.add("taskId=t&userId=u", 1).error().substr(0, 30), "not JSON, it looks like a form");
    EXPECT_NE(batch.add("{\"a\":\"\xC3(\"}", 1).error().find("at byte 7"), std::string::npos);
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
