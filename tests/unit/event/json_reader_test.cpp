#include "event/json_reader.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <boost/json.hpp>
#include <charconv>
#include <random>

namespace stepcast::event {
namespace {

std::string normal(std::string_view text, Members members = Members::as_given,
                   std::size_t max_bytes = 1 << 20) {
    JsonReader reader{text};
    std::string_view value;
    if (!reader.only_value(value)) return reader.error().detail;
    std::string out;
    switch (append_json_normal(out, value, members, max_bytes)) {
        case Normal::written:
            return out;
        case Normal::too_large:
            return "too large";
        case Normal::beyond_double:
            return "beyond double";
    }
    return {};
}

std::error_code refused(std::string_view text) {
    JsonReader reader{text};
    std::string_view value;
    return reader.only_value(value) ? std::error_code{} : reader.error().code;
}

TEST(JsonReader, takes_the_json_that_boost_takes_and_no_other) {
    for (const auto* text : {"",
                             " ",
                             "{",
                             "[1,]",
                             "{\"a\":}",
                             "nul",
                             "nulll",
                             "01",
                             "1 2",
                             "{}x",
                             "'a'",
                             "{a:1}",
                             "\"\n\"",
                             "NaN",
                             "+1",
                             "-",
                             "1.",
                             ".5",
                             "1e",
                             "1e+",
                             "\"\\x\"",
                             "\"\\ud800\"",
                             "\"\\udc00\"",
                             "\"\\ud800\\u0041\"",
                             "\"\\u00g0\"",
                             "[1}",
                             "{\"a\" 1}",
                             "{\"a\":1,}",
                             "{,}",
                             "[,]",
                             "\"",
                             "\"\\",
                             "\"\\u12",
                             "[",
                             "{\"a\"",
                             "{\"a\":1",
                             "]",
                             "\v1",
                             "-0",
                             "0",
                             "-1.5e-7",
                             "1E+2",
                             " [ ] ",
                             " { } ",
                             "\"\\ud83d\\ude00\"",
                             "\"\\u0000\"",
                             "true",
                             " false\n",
                             "null",
                             "[[],{},[{}]]",
                             "{\"a\":1,\"a\":2}"}) {
        boost::system::error_code error;
        boost::json::parse(text, error);
        EXPECT_EQ(!refused(text), !error) << text;
    }
    EXPECT_EQ(refused(std::string_view{"1\0", 2}), json_errc::malformed);
    EXPECT_EQ(refused(std::string_view{"\0", 1}), json_errc::malformed);
}

TEST(JsonReader, says_where_it_stumbled_and_over_what) {
    EXPECT_EQ(normal(R"({"a":1 "b":2})"),
              "not valid JSON: at byte 8 '\"' stands where ',' or '}' is expected");
    EXPECT_EQ(normal("[1,가]"), "not valid JSON: at byte 4 '가' stands where a value is expected");
    EXPECT_EQ(normal("{"),
              "not valid JSON: at byte 2 the text ends where a member's name in quotes is expected");
    EXPECT_EQ(normal(std::string_view{"[\0]", 3}),
              "not valid JSON: at byte 2 the byte 0x00 stands where a value is expected");
    EXPECT_EQ(normal("{} x"), "not valid JSON: at byte 4 'x' stands where the end of the text is expected");
}

TEST(JsonReader, reads_as_many_levels_as_it_is_told) {
    const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    EXPECT_FALSE(refused(nested(max_json_depth)));
    EXPECT_EQ(refused(nested(max_json_depth + 1)), json_errc::too_deep);
    EXPECT_EQ(refused(std::string(100'000, '[')), json_errc::too_deep);
    std::string objects;
    for (int i = 0; i < 65; ++i) objects += "{\"a\":";
    EXPECT_EQ(refused(objects), json_errc::too_deep);
    // Read element by element the outermost level counts as well.
    for (const std::size_t depth : {max_json_depth, max_json_depth + 1}) {
        const auto text = nested(depth);
        JsonReader reader{text};
        std::string_view element;
        ASSERT_TRUE(reader.open_array());
        EXPECT_EQ(reader.next_element(element), depth == max_json_depth);
        EXPECT_EQ(reader.failed(), depth != max_json_depth);
    }
}

TEST(ReadMembers, finds_what_is_asked_for_and_passes_over_the_rest) {
    constexpr std::array<std::string_view, 4> names{"a", "b", "c", "d"};
    const std::string text = R"( { "b" : {"x":[1, 2]} , "z":[{"a":7}], "\u0061":"1", "c":null, "a" : 2 } )";
    const auto values = read_members(text, names);
    ASSERT_TRUE(values) << values.error().detail;
    EXPECT_EQ((*values)[0], "2") << "the last of equal names";
    EXPECT_EQ((*values)[1], R"({"x":[1, 2]})");
    EXPECT_EQ((*values)[2], "") << "null is absent";
    EXPECT_EQ((*values)[3], "");
    EXPECT_EQ(read_members("[1]", names).error().code, json_errc::not_an_object);
    EXPECT_EQ(read_members("[1", names).error().code, json_errc::malformed);
    EXPECT_EQ(read_members(R"({"z":[1})", names).error().code, json_errc::malformed);
    EXPECT_TRUE(read_members("{}", names));
}

TEST(NormalJson, is_on_one_line_with_numbers_as_people_write_them) {
    EXPECT_EQ(normal(R"( {"a" : [1, -2, 42.5, 1e2, true, false, null, "x"], "b": {}, "c": []} )"),
              R"({"a":[1,-2,42.5,100,true,false,null,"x"],"b":{},"c":[]})");
    EXPECT_EQ(normal("{\n\t\"a\"\r:\n1\n,\n\"b\" : [ 1 , 2 ]\n}"), R"({"a":1,"b":[1,2]})");
    EXPECT_EQ(normal(R"("a\/\u0041\b\f\n\r\t\"\\\ud83d\ude00\uac00\u00e9\u2028")"),
              R"("a/A\u0008\u000c\n\r\t\"\\😀가é\u2028")");
}

TEST(NormalJson, members_stand_as_given_or_by_name_and_the_last_of_equal_names_counts) {
    constexpr auto text = R"({"b":[{"z":1,"y":{}}],"":0,"a":{"d":2,"c":3}})";
    EXPECT_EQ(normal(text), text);
    EXPECT_EQ(normal(text, Members::by_name), R"({"":0,"a":{"c":3,"d":2},"b":[{"y":{},"z":1}]})");
    EXPECT_EQ(normal(R"({"b":1,"a":2,"\u0062":3,"c":{"x":1,"x":2}})"), R"({"a":2,"b":3,"c":{"x":2}})");
    EXPECT_EQ(normal(R"({"b":1,"a":2,"b":3})", Members::by_name), R"({"a":2,"b":3})");
    EXPECT_EQ(normal(R"({"a":1,"a":2,"a":3})"), R"({"a":3})");
    EXPECT_EQ(normal(R"({"ab":1,"a":2,"a!":3})", Members::by_name), R"({"a":2,"a!":3,"ab":1})");
}

TEST(NormalJson, integers_keep_every_digit_and_no_double_moves) {
    for (const auto* text :
         {"18446744073709551615", "18446744073709551616", "-9223372036854775809",
          "123456789012345678901234567890", "-0", "0.1", "5e-324", "1.7976931348623157e+308"})
        EXPECT_EQ(normal(text), text);
    EXPECT_EQ(normal("1e999"), "beyond double");
    EXPECT_EQ(normal("[-1e999]"), "beyond double");
    EXPECT_EQ(normal(std::string(400, '9')), "beyond double");
    std::mt19937_64 random{20261128};
    for (int i = 0; i < 20'000; ++i) {
        const auto bits = random();
        double number = 0;
        std::memcpy(&number, &bits, sizeof number);
        if (!std::isfinite(number)) continue;
        char text[64];
        std::snprintf(text, sizeof text, "%.17g", number);
        if (std::string_view{text}.find_first_of(".e") == std::string_view::npos) continue;
        const auto out = normal(text);
        double back = 0;
        std::from_chars(out.data(), out.data() + out.size(), back);
        ASSERT_EQ(std::memcmp(&back, &number, sizeof back), 0) << text << " became " << out;
    }
}

TEST(NormalJson, grows_to_its_bound_and_no_further) {
    const std::string text = R"({"k":")" + std::string(92, 'x') + "\"}";
    EXPECT_EQ(normal(text, Members::as_given, 100), text);
    EXPECT_EQ(normal(text, Members::as_given, 99), "too large");
    EXPECT_EQ(normal("[" + std::string(5000, ' ') + "]", Members::as_given, 2), "[]");
    std::string ones = "[1";
    while (ones.size() < 1'000'000) ones += ",1";
    EXPECT_EQ(normal(ones + "]", Members::as_given, 100), "too large");
}

}  // namespace
}  // namespace stepcast::event
