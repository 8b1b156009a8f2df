#include "event/registry.hpp"

#include <gtest/gtest.h>

#include <array>

#include "unit/metric_rows.hpp"

namespace stepcast::event {
namespace {

constexpr std::array<std::string_view, 2> account_types{"OPENED", "PAID"};
constexpr Category account{"account", "account", account_types, false};
constexpr Category counter{"counter", "counter", account_types, true};

std::string renamed(std::string_view json, std::string_view from, std::string_view to) {
    std::string out{json};
    out.replace(out.find(from), from.size(), to);
    return out;
}

constexpr Schema paid_3{1, 3};
constexpr Upcaster paid_1_to_2{1, 1, [](std::string_view json) { return renamed(json, "sum", "amount"); }};
constexpr Upcaster paid_2_to_3{
    1, 2, [](std::string_view json) { return renamed(json, "}", ",\"currency\":\"KRW\"}"); }};

EventRef paid(std::uint8_t schema, std::string_view json) {
    const auto draft = Event::make({.category = &account,
                                    .type = 1,
                                    .schema_version = schema,
                                    .stream_id = "a",
                                    .id = "1",
                                    .subject = "u",
                                    .json = json});
    return Event::seal(draft, 1, 1, {}, "e");
}

TEST(Upcasters, events_of_every_schema_read_as_todays) {
    const std::array steps{paid_2_to_3, paid_1_to_2};  // in any order
    const auto chain = Upcasters::make(account, {&paid_3, 1}, steps);
    ASSERT_TRUE(chain) << chain.error().text();
    std::string scratch;
    constexpr auto today = R"("amount":5,"currency":"KRW"})";
    EXPECT_EQ(chain->body(*paid(1, R"({"sum":5})"), scratch).value(), today);
    EXPECT_EQ(chain->body(*paid(2, R"({"amount":5})"), scratch).value(), today);
    const auto newest = paid(3, R"({"amount":5,"currency":"KRW"})");
    EXPECT_EQ(chain->body(*newest, scratch).value().data(), newest->body().data()) << "nothing is copied";
}

TEST(Upcasters, stored_bytes_never_change) {
    const std::array steps{paid_1_to_2, paid_2_to_3};
    const auto chain = Upcasters::make(account, {&paid_3, 1}, steps);
    const auto old = paid(1, R"({"sum":5})");
    std::string scratch;
    ASSERT_TRUE(chain->body(*old, scratch));
    EXPECT_EQ(old->body(), R"("sum":5})");
}

TEST(Upcasters, each_step_that_is_taken_is_counted) {
    const std::array steps{paid_1_to_2, paid_2_to_3};
    const auto chain = Upcasters::make(account, {&paid_3, 1}, steps);
    std::string scratch;
    for (const auto& event :
         {paid(1, R"({"sum":5})"), paid(2, R"({"amount":5})"), paid(3, R"({"amount":5})")})
        ASSERT_TRUE(chain->body(*event, scratch));
    stepcast::testing::MetricRows rows;
    chain->read_metrics(rows);
    EXPECT_EQ(rows.values, (std::map<std::string, double>{{"stepcast_upcasts_total|type=PAID|from=1", 1},
                                                          {"stepcast_upcasts_total|type=PAID|from=2", 2}}));
}

TEST(Upcasters, an_event_from_the_future_is_refused_by_its_version) {
    std::string scratch;
    const auto read = Upcasters{}.body(*paid(2, R"({"amount":5})"), scratch);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, schema_errc::unknown_schema);
    EXPECT_EQ(read.error().detail, "PAID has schema version 2, this program knows 1");
}

TEST(Upcasters, a_gap_a_repetition_and_a_step_beyond_today_are_refused_by_name) {
    const auto refused = [](std::vector<Upcaster> steps) {
        const auto chain = Upcasters::make(account, {&paid_3, 1}, steps);
        return chain ? std::string{} : chain.error().detail;
    };
    EXPECT_EQ(refused({paid_1_to_2}), "account PAID: no single step joins schema version 2 with the next");
    EXPECT_EQ(refused({paid_2_to_3}), "account PAID: no single step joins schema version 1 with the next");
    EXPECT_EQ(refused({paid_1_to_2, paid_1_to_2, paid_2_to_3}),
              "account PAID: no single step joins schema version 2 with the next");
    Upcaster beyond = paid_2_to_3;
    beyond.from = 3;
    EXPECT_EQ(refused({paid_1_to_2, paid_2_to_3, beyond}),
              "account PAID: a step too many joins schema version 3 with the next");
    Upcaster nowhere = paid_2_to_3;
    nowhere.type = 7;
    EXPECT_EQ(refused({paid_1_to_2, paid_2_to_3, nowhere}), "account has a step for no type");
    EXPECT_EQ(refused({paid_1_to_2, paid_2_to_3}), "");
}

TEST(Registry, gives_categories_by_name_in_the_order_in_which_they_came) {
    Registry registry;
    ASSERT_TRUE(registry.add(counter));
    ASSERT_TRUE(registry.add(account));
    EXPECT_EQ(registry.find("account"), &account);
    EXPECT_EQ(registry.find("accounts"), nullptr);
    ASSERT_EQ(registry.categories().size(), 2u);
    EXPECT_EQ(registry.categories()[0], &counter);
    EXPECT_EQ(registry.upcasters(account).today(1), 1);
}

TEST(Registry, refuses_two_of_one_name_and_a_broken_chain) {
    static constexpr Category impostor{"account", "other", account_types, true};
    Registry registry;
    ASSERT_TRUE(registry.add(account));
    EXPECT_EQ(registry.add(impostor).error().detail, "there are two categories account");
    EXPECT_FALSE(registry.add(counter, {&paid_3, 1}));
    EXPECT_EQ(registry.find("counter"), nullptr);
}

}  // namespace
}  // namespace stepcast::event
