#include "proof/prove/ledger.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace stepcast::proof {
namespace {

Ledger make(std::uint32_t users = 2, std::uint32_t steps = 3) {
    return Ledger{"tok", users, {.steps = steps}, Timestamp{}, 0};
}

/// Publishes the user's next event and has it acknowledged.
std::uint32_t take(Ledger& ledger, std::uint32_t user) {
    const auto event = ledger.next(user, 0).value();
    ledger.attempted(event);
    EXPECT_FALSE(ledger.answered(event, 202, 5));
    return event;
}

TEST(Ledger, a_users_events_wait_for_each_other) {
    auto ledger = make();
    const auto first = ledger.next(0, 0);
    ASSERT_TRUE(first);
    EXPECT_FALSE(ledger.next(0, 0));
    EXPECT_TRUE(ledger.next(1, 0));
    ledger.answered(*first, 202, 1);
    EXPECT_TRUE(ledger.next(0, 2));
}

TEST(Ledger, a_task_is_started_goes_on_is_completed_and_the_next_one_begins) {
    auto ledger = make();
    for (int i = 0; i < 5; ++i) take(ledger, 0);
    std::vector<Ledger::Kind> kinds;
    for (const auto& entry : ledger.entries()) kinds.push_back(entry.kind);
    using K = Ledger::Kind;
    EXPECT_EQ(kinds, (std::vector{K::started, K::progress, K::progress, K::completed, K::started}));
    EXPECT_EQ(ledger.tasks_of(0), (std::vector<std::uint32_t>{0, 1}));
    EXPECT_TRUE(ledger.finish(0, 0));
    EXPECT_FALSE(ledger.finish(1, 0));
}

TEST(Ledger, only_an_answer_of_success_acknowledges) {
    for (const int status : {0, 100, 301, 408, 429, 500, 503}) {
        auto ledger = make();
        const auto event = ledger.next(0, 0).value();
        EXPECT_TRUE(ledger.answered(event, status, 1)) << status;
        EXPECT_EQ(ledger.count(Ledger::State::acknowledged), 0u) << status;
        EXPECT_TRUE(ledger.is_busy(0));
    }
    for (const int status : {200, 201, 202}) {
        auto ledger = make();
        EXPECT_FALSE(ledger.answered(ledger.next(0, 0).value(), status, 1));
        EXPECT_EQ(ledger.count(Ledger::State::acknowledged), 1u) << status;
        EXPECT_EQ(ledger.last_acknowledged(0), 0u);
    }
    for (const int status : {400, 403, 404, 409}) {
        auto ledger = make();
        EXPECT_FALSE(ledger.answered(ledger.next(0, 0).value(), status, 1));
        EXPECT_EQ(ledger.count(Ledger::State::refused), 1u) << status;
        EXPECT_FALSE(ledger.last_acknowledged(0));
    }
}

TEST(Ledger, what_nobody_answered_is_given_up_and_not_acknowledged) {
    auto ledger = make();
    ledger.next(0, 0);
    ledger.give_up();
    EXPECT_EQ(ledger.count(Ledger::State::given_up), 1u);
    EXPECT_FALSE(ledger.published()[0].acknowledged);
}

TEST(Ledger, a_repeat_is_the_same_event_byte_for_byte) {
    auto ledger = make();
    const auto event = ledger.next(0, 0).value();
    const auto body = ledger.body(event);
    ledger.attempted(event);
    ledger.answered(event, 0, 1);
    ledger.attempted(event);
    EXPECT_EQ(ledger.body(event), body);
    EXPECT_EQ(ledger.retries(), 1u);
}

TEST(Ledger, recognises_what_it_published_with_a_version_or_without) {
    auto ledger = make();
    take(ledger, 0);
    const auto event = take(ledger, 0);
    auto got = ledger.recognise(ledger.body(event), 0);
    EXPECT_TRUE(got.intact);
    EXPECT_EQ(got.event, event);
    EXPECT_EQ(got.version, 0u);
    auto numbered = boost::json::parse(ledger.body(event)).as_object();
    numbered["version"] = 2;
    got = ledger.recognise(boost::json::serialize(numbered), 0);
    EXPECT_TRUE(got.intact);
    EXPECT_EQ(got.version, 2u);
}

TEST(Ledger, notices_every_changed_or_missing_value) {
    auto ledger = make();
    const auto event = take(ledger, 0);
    const auto whole = boost::json::parse(ledger.body(event)).as_object();
    for (const auto& member : whole) {
        auto changed = whole;
        changed[member.key()] = "other";
        EXPECT_FALSE(ledger.recognise(boost::json::serialize(changed), 0).intact) << member.key();
        auto shorter = whole;
        shorter.erase(member.key());
        EXPECT_FALSE(ledger.recognise(boost::json::serialize(shorter), 0).intact) << member.key();
    }
    auto deep = whole;
    deep["detail"].as_object()["text"] = "a\nb";
    EXPECT_FALSE(ledger.recognise(boost::json::serialize(deep), 0).intact);
}

TEST(Ledger, what_is_of_another_user_or_run_or_no_json_is_foreign) {
    auto ledger = make();
    const auto event = take(ledger, 0);
    EXPECT_EQ(ledger.recognise(ledger.body(event), 1).event, Seen::foreign);
    EXPECT_EQ(ledger.recognise(R"({"eventId":"tok-99"})", 0).event, Seen::foreign);
    EXPECT_EQ(ledger.recognise(R"({"eventId":"other-0"})", 0).event, Seen::foreign);
    EXPECT_EQ(ledger.recognise("{", 0).event, Seen::foreign);
    EXPECT_FALSE(ledger.recognise("{", 0).intact);
}

TEST(Ledger, a_state_has_no_timestamp_of_its_own) {
    auto ledger = make();
    auto state = boost::json::parse(ledger.body(take(ledger, 0))).as_object();
    state.erase("timestamp");
    EXPECT_TRUE(ledger.recognise(boost::json::serialize(state), 0, true).intact);
    EXPECT_FALSE(ledger.recognise(boost::json::serialize(state), 0).intact);
}

}  // namespace
}  // namespace stepcast::proof
