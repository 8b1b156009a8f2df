#include "event/json.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <boost/json.hpp>

namespace stepcast::event {
namespace {

std::string written(std::string_view json) {
    std::string out;
    append_json_value(out, parse_json(json).value());
    return out;
}

std::string json_text(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

std::error_code refused_value(std::string_view json) {
    const auto r = parse_json(json);
    return r ? std::error_code{} : r.error().code;
}

std::string nested(std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
}

TEST(Json, writes_values_on_one_line_as_people_do) {
    EXPECT_EQ(written(R"( {"a" : [1, -2, 42.5, 1e2, true, false, null, "x"], "b": {}, "c": []} )"),
              R"({"a":[1,-2,42.5,100,true,false,null,"x"],"b":{},"c":[]})");
    EXPECT_EQ(written("18446744073709551615"), "18446744073709551615");
    EXPECT_EQ(written("-9223372036854775808"), "-9223372036854775808");
    EXPECT_EQ(written("0.1"), "0.1");
    EXPECT_EQ(written(R"("a\nb")"), R"("a\nb")");
}

TEST(Json, members_are_written_as_given_or_by_name) {
    const auto value = parse_json(R"({"b":[{"z":1,"y":{}}],"":0,"a":{"d":2,"c":3}})").value();
    std::string as_given, by_name;
    append_json_value(as_given, value);
    append_json_value(by_name, value, Members::by_name);
    EXPECT_EQ(as_given, R"({"b":[{"z":1,"y":{}}],"":0,"a":{"d":2,"c":3}})");
    EXPECT_EQ(by_name, R"({"":0,"a":{"c":3,"d":2},"b":[{"y":{},"z":1}]})");
}

TEST(Json, of_two_equal_keys_the_last_wins) {
    EXPECT_EQ(written(R"({"a":1,"a":2})"), R"({"a":2})");
}

TEST(Json, refuses_what_is_not_json) {
    for (const auto* text : {"", " ", "{", "[1,]", "{\"a\":}", "nul", "01", "1 2", "{}x", "'a'", "{a:1}",
                             "\"\n\"", "NaN", "+1", "\"\\x\"", "\"\\ud800\"", "[1}", "\xEF\xBB\xBF{}"})
        EXPECT_EQ(refused_value(text), json_errc::malformed) << text;
    EXPECT_FALSE(refused_value("{\"a\":1}"));
}

TEST(Json, refuses_bad_utf8_wherever_it_stands) {
    EXPECT_EQ(refused_value("\"\xFF\""), json_errc::bad_utf8);
    EXPECT_EQ(refused_value("{\"\xC0\xAF\":1}"), json_errc::bad_utf8);
    EXPECT_EQ(refused_value("\"\xED\xA0\x80\""), json_errc::bad_utf8);
    EXPECT_EQ(refused_value("\"\xE2\x82"), json_errc::bad_utf8);
}

TEST(Json, reads_64_levels_and_no_more) {
    EXPECT_FALSE(refused_value(nested(max_json_depth - 1)));
    EXPECT_FALSE(refused_value(nested(max_json_depth)));
    EXPECT_EQ(refused_value(nested(max_json_depth + 1)), json_errc::too_deep);
    EXPECT_EQ(refused_value(std::string(100'000, '[')), json_errc::too_deep);
    std::string objects;
    for (int i = 0; i < 65; ++i) objects += "{\"a\":";
    EXPECT_EQ(refused_value(objects), json_errc::too_deep);
}

TEST(Json, a_number_beyond_doubles_is_no_number_to_clients) {
    const auto value = parse_json("1e999");
    if (!value) return;  // refused is as good
    std::string out;
    append_json_value(out, *value);
    EXPECT_EQ(out, "null");
}

TEST(Json, strings_escape_what_would_break_a_frame) {
    EXPECT_EQ(json_text("a\"b\\c"), R"("a\"b\\c")");
    EXPECT_EQ(json_text("\n\r\t\b\x1f"), R"("\n\r\t\u0008\u001f")");
    EXPECT_EQ(json_text(std::string_view{"\0", 1}), R"("\u0000")");
    EXPECT_EQ(json_text("\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\xA7"), "\"\\u2028\\u2029\xE2\x80\xA7\"");
    EXPECT_EQ(json_text("결제 처리"), "\"결제 처리\"");
    EXPECT_EQ(json_text(""), "\"\"");
}

std::string random_text() {
    const auto piece = rc::gen::oneOf(
        rc::gen::map(rc::gen::inRange(0, 128), [](int c) { return std::string(1, static_cast<char>(c)); }),
        rc::gen::element<std::string>("\xC2\x80", "\xE2\x80\xA8", "\xE2\x80\xA9", "결", "😀", "\\", "\""));
    std::string text;
    for (const auto& p : *rc::gen::container<std::vector<std::string>>(piece)) text += p;
    return text;
}

RC_GTEST_PROP(JsonProperty, every_string_comes_back_and_stays_on_one_line, ()) {
    const auto original = random_text();
    const auto text = json_text(original);
    for (const char c : text) RC_ASSERT(static_cast<unsigned char>(c) >= 0x20);
    RC_ASSERT(text.find("\xE2\x80\xA8") == std::string::npos);
    RC_ASSERT(std::string_view{parse_json(text).value().as_string()} == original);
}

boost::json::value random_value(int depth) {
    switch (*rc::gen::inRange(0, depth == 0 ? 5 : 7)) {
        case 0:
            return nullptr;
        case 1:
            return *rc::gen::arbitrary<bool>();
        case 2:
            return *rc::gen::arbitrary<std::int64_t>();
        case 3:
            return boost::json::string{random_text()};
        case 4:
            return static_cast<double>(*rc::gen::inRange(-1000, 1000)) / 8;
        case 5: {
            boost::json::array array;
            for (int i = *rc::gen::inRange(0, 4); i > 0; --i) array.push_back(random_value(depth - 1));
            return array;
        }
        default: {
            boost::json::object object;
            for (int i = *rc::gen::inRange(0, 4); i > 0; --i)
                object[std::to_string(i)] = random_value(depth - 1);
            return object;
        }
    }
}

RC_GTEST_PROP(JsonProperty, every_value_is_written_as_json_that_reads_the_same, ()) {
    const auto value = random_value(4);
    std::string once;
    append_json_value(once, value);
    RC_ASSERT(once.find('\n') == std::string::npos);
    RC_ASSERT(written(once) == once);
}

}  // namespace
}  // namespace stepcast::event
