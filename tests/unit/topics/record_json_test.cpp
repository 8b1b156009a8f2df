#include "domain/topics/record_json.hpp"

#include <gtest/gtest.h>

namespace stepcast::topics {
namespace {

std::string value_json(std::string_view value, std::size_t max = 100) {
    std::string out;
    append_value(out, "value", value, max);
    return out;
}

TEST(RecordValue, is_told_as_what_it_is) {
    EXPECT_EQ(value_json("{\"a\":\n [1, 2]}"), R"(,"value":{"a":[1,2]})");
    EXPECT_EQ(value_json("7"), R"(,"value":7)");
    EXPECT_EQ(value_json("노트북"), R"(,"value":"노트북")");
    EXPECT_EQ(value_json("{\"a\":"), R"(,"value":"{\"a\":")");
    EXPECT_EQ(value_json(""), R"(,"value":"")");
    EXPECT_EQ(value_json(std::string_view{"\xFF\x00", 2}), R"(,"value":"/wA=","encoding":"base64")");
    EXPECT_EQ(value_json(std::string(101, 'x')), R"(,"value":null,"bytes":101)");
}

TEST(Record, stands_on_one_line_with_its_place_and_headers) {
    const std::vector<event::HeaderView> given{{"a", "1"}, {"a", "2"}, {"b", "\xFF"}};
    bus::Record record{.place = {2, 7}, .timestamp = Timestamp{}, .key = "k", .value = "{\"x\":\n1}"};
    record.source = &given;
    record.read_headers = [](const void* source) {
        return *static_cast<const std::vector<event::HeaderView>*>(source);
    };
    EXPECT_EQ(record_json("t", record, 100),
              R"({"topic":"t","partition":2,"offset":7,"at":"1970-01-01T00:00:00.000Z","key":"k",)"
              R"("headers":{"a":"1","b":{"hex":"ff"}},"value":{"x":1}})");
    record.key.reset();
    record.value.reset();
    record.read_headers = nullptr;
    EXPECT_EQ(record_json("t", record, 100),
              R"({"topic":"t","partition":2,"offset":7,"at":"1970-01-01T00:00:00.000Z","key":null,)"
              R"("headers":{},"value":null})");
}

TEST(MessageType, is_found_where_senders_put_it) {
    const std::vector<event::HeaderView> headers{{"eventType", "MONEY_DEPOSITED"}};
    EXPECT_EQ(type_of(headers, R"({"type":"x"})"), "MONEY_DEPOSITED");
    EXPECT_EQ(type_of({}, R"({"command":"CHARGE"})"), "CHARGE");
    EXPECT_EQ(type_of({}, R"({"type":"ORDER_CREATED","command":"x"})"), "ORDER_CREATED");
    EXPECT_EQ(type_of({}, R"({"type":7})"), "");
    EXPECT_EQ(type_of({}, "\xFF"), "");
    EXPECT_EQ(type_of({}, "[1]"), "");
}

}  // namespace
}  // namespace stepcast::topics
