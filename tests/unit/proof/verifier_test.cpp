#include "proof/verifier.hpp"

#include <gtest/gtest.h>

namespace stepcast::proof {
namespace {

Seen event(std::uint32_t index, std::uint64_t version, std::uint64_t position, std::uint32_t task = 0) {
    return {
        .kind = Seen::Kind::event, .task = task, .event = index, .version = version, .position = position};
}
Seen recovery(std::uint64_t version, std::uint32_t task = 0) {
    return {.kind = Seen::Kind::recovery, .task = task, .version = version};
}
Seen reset() {
    return {.kind = Seen::Kind::reset};
}

SubscriberLog log(std::vector<Seen> seen, bool stalled = false) {
    return {std::move(seen), {0}, stalled};
}

/// `count` acknowledged events of task 0; the first is its STARTED.
std::vector<Published> published(std::size_t count) {
    std::vector<Published> out(count, Published{.task = 0, .acknowledged = true});
    if (count > 0) out[0].milestone = true;
    return out;
}

Verdict judge(SubscriberLog one, const std::vector<Published>& events, std::uint64_t coalesced = 0) {
    const std::vector<SubscriberLog> all{std::move(one)};
    return verify(all, events, coalesced);
}

TEST(Verifier, everything_once_and_in_order_is_clean) {
    const auto v = judge(log({event(0, 1, 10), event(1, 2, 11), event(2, 3, 15)}), published(3));
    EXPECT_TRUE(v.clean());
    EXPECT_EQ(v.deliveries, 3u);
    EXPECT_EQ(v.text(), "0 lost, 0 twice, 0 silent gaps, 0 out of order");
}

TEST(Verifier, an_acknowledged_event_that_nobody_saw_is_lost) {
    const auto v = judge(log({event(0, 1, 10), event(1, 2, 11)}), published(3));
    EXPECT_EQ(v.lost, 1u);
    EXPECT_FALSE(v.clean());
    EXPECT_EQ(v.examples.size(), 1u);
}

TEST(Verifier, an_event_without_acknowledgement_may_be_missing) {
    auto events = published(3);
    events[2].acknowledged = false;
    EXPECT_TRUE(judge(log({event(0, 1, 10), event(1, 2, 11)}), events).clean());
}

TEST(Verifier, an_event_that_only_another_subscriber_saw_is_lost_for_this_one) {
    const std::vector<SubscriberLog> both{log({event(0, 1, 10), event(1, 2, 11)}), log({event(0, 1, 10)})};
    EXPECT_EQ(verify(both, published(2), 0).lost, 1u);
}

TEST(Verifier, events_of_tasks_that_a_subscriber_does_not_follow_are_not_missed) {
    auto events = published(2);
    events[1].task = 7;
    EXPECT_TRUE(judge(log({event(0, 1, 10)}), events).clean());
}

TEST(Verifier, the_same_version_again_is_a_duplicate) {
    const auto v = judge(log({event(0, 1, 10), event(1, 2, 11), event(1, 2, 11)}), published(2));
    EXPECT_EQ(v.twice, 1u);
    EXPECT_EQ(v.out_of_order, 0u);
}

TEST(Verifier, one_event_under_two_versions_is_a_duplicate) {
    EXPECT_EQ(judge(log({event(0, 1, 10), event(0, 2, 11)}), published(1)).twice, 1u);
}

TEST(Verifier, a_jump_in_versions_is_a_silent_gap) {
    const auto v = judge(log({event(0, 1, 10), event(2, 3, 12)}), published(3));
    EXPECT_EQ(v.silent_gaps, 1u);
    EXPECT_EQ(v.lost, 1u);
}

TEST(Verifier, a_jump_over_several_versions_is_one_gap) {
    EXPECT_EQ(judge(log({event(0, 1, 10), event(9, 10, 19)}), published(10)).silent_gaps, 1u);
}

TEST(Verifier, a_late_event_is_out_of_order_and_closes_its_gap) {
    const auto v = judge(log({event(0, 1, 10), event(2, 3, 12), event(1, 2, 11)}), published(3));
    EXPECT_EQ(v.out_of_order, 1u);
    EXPECT_EQ(v.silent_gaps, 0u);
    EXPECT_EQ(v.lost, 0u);
}

TEST(Verifier, positions_must_rise_across_tasks) {
    const std::vector<SubscriberLog> one{{{event(0, 1, 10, 0), event(1, 1, 9, 1)}, {0, 1}, false}};
    auto events = published(2);
    events[1].task = 1;
    EXPECT_EQ(verify(one, events, 0).out_of_order, 1u);
}

TEST(Verifier, a_recovery_before_any_event_excuses_what_came_before_it) {
    const std::vector<SubscriberLog> both{log({event(0, 1, 10), event(1, 2, 11), event(2, 3, 12)}),
                                          log({recovery(2), event(2, 3, 12)})};
    const auto v = verify(both, published(3), 0);
    EXPECT_TRUE(v.clean());
    EXPECT_EQ(v.announced, 2u);
}

TEST(Verifier, a_recovery_without_reset_excuses_nothing_later) {
    const auto v = judge(log({event(0, 1, 10), recovery(3), event(3, 4, 13)}), published(4));
    EXPECT_EQ(v.silent_gaps, 1u);
    EXPECT_EQ(v.lost, 2u);
}

TEST(Verifier, a_reset_announces_what_its_recovery_replaces) {
    const std::vector<SubscriberLog> both{
        log({event(0, 1, 10), event(1, 2, 11), event(2, 3, 12), event(3, 4, 13)}),
        log({event(0, 1, 10), reset(), recovery(3), event(3, 4, 13)})};
    const auto v = verify(both, published(4), 0);
    EXPECT_TRUE(v.clean()) << v.text();
    EXPECT_EQ(v.announced, 2u);
}

TEST(Verifier, a_reset_does_not_excuse_what_comes_after_its_recovery) {
    const std::vector<SubscriberLog> both{
        log({event(0, 1, 10), event(1, 2, 11), event(2, 3, 12), event(3, 4, 13)}),
        log({event(0, 1, 10), reset(), recovery(2), event(3, 4, 13)})};
    const auto v = verify(both, published(4), 0);
    EXPECT_EQ(v.silent_gaps, 1u);
    EXPECT_EQ(v.lost, 1u);
}

TEST(Verifier, a_stalled_reader_may_miss_what_the_server_counted) {
    const std::vector<SubscriberLog> both{
        log({event(0, 1, 10), event(1, 2, 11), event(2, 3, 12), event(3, 4, 13)}),
        log({event(0, 1, 10), event(3, 4, 13)}, true)};
    const auto v = verify(both, published(4), 2);
    EXPECT_TRUE(v.clean()) << v.text();
    EXPECT_EQ(v.thinned, 2u);
}

TEST(Verifier, thinning_beyond_what_the_server_counted_is_a_silent_gap) {
    EXPECT_EQ(judge(log({event(0, 1, 10), event(3, 4, 13)}, true), published(4), 1).silent_gaps, 1u);
}

TEST(Verifier, a_reader_that_did_not_stall_may_not_be_thinned) {
    EXPECT_EQ(judge(log({event(0, 1, 10), event(3, 4, 13)}), published(4), 100).silent_gaps, 1u);
}

TEST(Verifier, a_milestone_is_never_thinned) {
    auto events = published(4);
    events[2].milestone = true;
    const std::vector<SubscriberLog> both{
        log({event(0, 1, 10), event(1, 2, 11), event(2, 3, 12), event(3, 4, 13)}),
        log({event(0, 1, 10), event(3, 4, 13)}, true)};
    EXPECT_EQ(verify(both, events, 100).lost, 1u);
}

TEST(Verifier, a_stalled_reader_must_reach_the_final_version) {
    const std::vector<SubscriberLog> both{log({event(0, 1, 10), event(1, 2, 11), event(2, 3, 12)}),
                                          log({event(0, 1, 10), event(1, 2, 11)}, true)};
    EXPECT_EQ(verify(both, published(3), 100).lost, 1u);
}

TEST(Verifier, keeps_only_the_first_examples) {
    EXPECT_LE(judge(log({}), published(1000)).examples.size(), 10u);
}

}  // namespace
}  // namespace stepcast::proof
