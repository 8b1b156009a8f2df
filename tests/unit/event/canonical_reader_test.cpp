#include <gtest/gtest.h>
#include <string>

#include "event/canonical_reader.hpp"

namespace stepcast::event {
namespace {

/// What it reads of `{"a":TEXT,"n":NUMBER[,"rest":{…}]}`; empty if that is left to the general reader.
std::string read(std::string_view json) {
    CanonicalReader reader{json};
    int number = 0;
    std::string all{reader.text("{\"a\":")};
    reader.number(",\"n\":", number);
    all.append(" ").append(std::to_string(number));
    if (reader.has(",\"rest\":")) all.append(" ").append(reader.up_to(",\"rest\":", "}"));
    reader.expect("}");
    return reader.at_end() ? all : "";
}

TEST(CanonicalReader, what_was_written_is_read) {
    EXPECT_EQ(read(R"({"a":"값","n":-7})"), "값 -7");
    EXPECT_EQ(read(R"({"a":"longer than sixteen bytes","n":12})"), "longer than sixteen bytes 12");
    EXPECT_EQ(read(R"({"a":"","n":0,"rest":{"x":"}"}})"), R"( 0 {"x":"}"})");
}

TEST(CanonicalReader, any_surprise_is_left_to_the_general_reader) {
    for (const std::string_view json :
         {"", "{", "{\"a\":\"x\ty\",\"n\":1}", R"({"a":"x","n":-})", R"({"a":"x","n":1,"rest":{)",
          R"({"a":"x)", R"({"a":"x\"y","n":1})", R"({"a": "x","n":1})", R"({"b":"x","n":1})",
          R"({"a":"x","n":one})", R"({"a":"x","n":1.5})", R"({"a":"x","n":99999999999})",
          R"({"a":"x","n":1} )", R"({"a":"x","n":1,"more":2})", R"({"a":null,"n":1})"})
        EXPECT_EQ(read(json), "") << json;
}

}  // namespace
}  // namespace stepcast::event
