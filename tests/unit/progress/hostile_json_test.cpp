// JSON that is written to cost much.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "domain/progress/codec.hpp"
#include "domain/progress/orders.hpp"

namespace stepcast::progress {
namespace {

constexpr std::size_t members = 4096;

// What Boost.JSON places an object's members by, as many buckets as members: FNV-1a with the table's address
// for a key, of which only the place within a page counts here, and that is the same with each request.
std::uint64_t bucket_of(std::string_view name, std::uint64_t place) {
    std::uint64_t hash = 0xcbf29ce484222325 + place;
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash % members;
}

// An object's members: all in one bucket of a table at this place, or wherever they fall.
std::string crowd(std::optional<std::uint64_t> place) {
    std::string out;
    std::size_t count = 0;
    for (std::uint32_t number = 0; count < members - 3; ++number) {
        std::string name(7, '0');  // without an allocation: 16 million are looked at
        for (std::size_t i = 0; i < name.size(); ++i)
            name[i] = "0123456789abcdef"[number >> (24 - 4 * i) & 15];
        if (place && bucket_of(name, *place) != 0) continue;
        ++count;
        out += fmt::format(R"("{}":1,)", name);
    }
    return out;
}

// What reading a body to its end says.
result<bool> read_sent(std::string_view body) {
    SentReader sent{body};
    for (;;)
        if (auto more = sent.read(2); !more || !*more) return more;
}

template <class Work>
double least_seconds(Work work) {
    double least = 1e9;
    for (int i = 0; i < 5; ++i) {
        const auto began = std::chrono::steady_clock::now();
        work();
        least =
            std::min(least, std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    }
    return least;
}

TEST(HostileJson, names_that_share_a_bucket_cost_no_more_than_others) {
    const std::string spread = crowd({});
    const auto event = [](const std::string& more) {
        return "{" + more + R"("taskId":"t","userId":"u","eventType":"STARTED"})";
    };
    const auto detail = [](const std::string& more) {
        return R"({"taskId":"t","userId":"u","eventType":"STARTED","detail":{)" + more +
               R"("a":1,"b":2,"c":3}})";
    };
    const auto order = [](const std::string& more) {
        return "{" + more + R"("userId":"u","productName":"p","quantity":1})";
    };
    ProgressEvent out;
    const auto decoded = [&](const std::string& text) { (void)decode(text, out); };
    for (const std::uint64_t place : {0xf70, 0xf80}) {
        const std::string crowded = crowd(place);
        EXPECT_TRUE(decode(event(crowded), out));
        EXPECT_TRUE(decode_order_form(order(crowded)));
        const auto cost = [&](auto shape, auto read) {
            const auto hostile = shape(crowded), honest = shape(spread);
            return least_seconds([&] { read(hostile); }) / least_seconds([&] { read(honest); });
        };
        EXPECT_LT(cost(event, decoded), 20);
        EXPECT_LT(cost(detail, decoded), 20);
        EXPECT_LT(cost(order, [](const std::string& text) { (void)decode_order_form(text); }), 20);
        EXPECT_LT(cost(order, [](const std::string& text) { (void)decode_order(text); }), 20);
        EXPECT_LT(cost(event, [](const std::string& text) { (void)read_sent("[" + text + "]"); }), 20);
    }
}

TEST(HostileJson, a_detail_is_put_in_order_without_comparing_every_name_with_every_other) {
    // The most members that 8 KiB hold, falling: a name of two characters and a digit each.
    std::string names = R"("detail":{)";
    for (int i = 899; i >= 0; --i) names += fmt::format(R"("{:03}":1,)", i);
    names.back() = '}';
    std::string filler = R"("detail":{"k":")" + std::string(names.size() - 18, 'x') + "\"}";
    const auto event = [](const std::string& more) {
        return R"({"taskId":"t","userId":"u","eventType":"STARTED",)" + more + "}";
    };
    ProgressEvent out;
    EXPECT_TRUE(decode(event(names), out));
    EXPECT_TRUE(decode(event(filler), out));
    std::string deep = R"("detail":)";
    for (int i = 0; i < 62; ++i) deep += R"({"b":)";
    deep += names.substr(9);
    for (int i = 0; i < 62; ++i) deep += R"(,"a":0})";
    EXPECT_TRUE(decode(event(deep), out));
    const auto flat = least_seconds([&] { (void)decode(event(names), out); });
    EXPECT_LT(least_seconds([&] { (void)decode(event(deep), out); }), 20 * flat);
}

TEST(HostileJson, what_is_no_event_is_refused_before_the_rest_is_read) {
    std::string ones = "[1";
    while (ones.size() < 1024 * 1024) ones += ",1";
    const auto unfinished = read_sent(ones);  // its end is missing: who reads that far says so
    ASSERT_FALSE(unfinished);
    EXPECT_EQ(unfinished.error().field, "[0]");
    EXPECT_EQ(unfinished.error().detail, "must be a JSON object");
    const auto second = read_sent(R"([{"taskId":"t","userId":"u","eventType":"STARTED"},{"taskId":"t"},1])");
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().field, "[1].userId");
}

TEST(HostileJson, an_array_of_events_that_is_not_json_to_its_end_is_refused_whole) {
    for (const auto* rest : {"", ",", ",]", "] x", "}", ",{]", ",\"\xFF\"]"}) {
        const auto sent =
            read_sent(std::string{R"([{"taskId":"t","userId":"u","eventType":"STARTED"})"} + rest);
        ASSERT_FALSE(sent) << rest;
        EXPECT_EQ(sent.error().code, errc::malformed) << rest;
    }
    EXPECT_EQ(read_sent("[]").error().detail, "the array is empty");
    EXPECT_FALSE(read_sent(" 1 "));
}

}  // namespace
}  // namespace stepcast::progress
