#include "proof/load/verifier.hpp"

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
    return verify(all, events, {.coalesced = coalesced});
}

TEST(Verifier, everything_once_and_in_order_is_clean) {
    const auto v = judge(log({event(0, 1, 10), event(1, 2, 11), event(2, 3, 15)}), published(3));
    EXPECT_TRUE(v.clean());
    EXPECT_EQ(v.deliveries, 3u);
    EXPECT_EQ(v.text(), "0 lost, 0 twice, 0 silent gaps, 0 out of order, 0 corrupted");
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
    EXPECT_EQ(verify(both, published(2), {}).lost, 1u);
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
    EXPECT_EQ(verify(one, events, {}).out_of_order, 1u);
}

TEST(Verifier, a_recovery_before_any_event_excuses_what_came_before_it) {
    const std::vector<SubscriberLog> both{log({event(0, 1, 10), event(1, 2, 11), event(2, 3, 12)}),
                                          log({recovery(2), event(2, 3, 12)})};
    const auto v = verify(both, published(3), {});
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
    const auto v = verify(both, published(4), {});
    EXPECT_TRUE(v.clean()) << v.text();
    EXPECT_EQ(v.announced, 2u);
}

TEST(Verifier, a_reset_does_not_excuse_what_comes_after_its_recovery) {
    const std::vector<SubscriberLog> both{
        log({event(0, 1, 10), event(1, 2, 11), event(2, 3, 12), event(3, 4, 13)}),
        log({event(0, 1, 10), reset(), recovery(2), event(3, 4, 13)})};
    const auto v = verify(both, published(4), {});
    EXPECT_EQ(v.silent_gaps, 1u);
    EXPECT_EQ(v.lost, 1u);
}

TEST(Verifier, a_stalled_reader_may_miss_what_the_server_counted) {
    const std::vector<SubscriberLog> both{
        log({event(0, 1, 10), event(1, 2, 11), event(2, 3, 12), event(3, 4, 13)}),
        log({event(0, 1, 10), event(3, 4, 13)}, true)};
    const auto v = verify(both, published(4), {.coalesced = 2});
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
    EXPECT_EQ(verify(both, events, {.coalesced = 100}).lost, 1u);
}

TEST(Verifier, a_stalled_reader_must_reach_the_final_version) {
    const std::vector<SubscriberLog> both{log({event(0, 1, 10), event(1, 2, 11), event(2, 3, 12)}),
                                          log({event(0, 1, 10), event(1, 2, 11)}, true)};
    EXPECT_EQ(verify(both, published(3), {.coalesced = 100}).lost, 1u);
}

TEST(Verifier, an_event_with_other_values_is_corrupted) {
    auto changed = event(1, 2, 11);
    changed.intact = false;
    const auto v = judge(log({event(0, 1, 10), changed}), published(2));
    EXPECT_EQ(v.corrupted, 1u);
    EXPECT_EQ(v.lost, 0u);
    EXPECT_FALSE(v.clean());
}

TEST(Verifier, a_state_with_other_values_is_corrupted) {
    auto changed = recovery(1);
    changed.intact = false;
    EXPECT_EQ(judge(log({event(0, 1, 10), changed}), published(1)).corrupted, 1u);
}

TEST(Verifier, something_that_nobody_published_is_corrupted) {
    Seen stray{.kind = Seen::Kind::event, .intact = false, .task = 0, .version = 2, .position = 11};
    EXPECT_EQ(judge(log({event(0, 1, 10), stray}), published(1)).corrupted, 1u);
}

/// A log of a subscriber that was there before the first event.
SubscriberLog from_start(std::vector<Seen> seen) {
    return {.seen = std::move(seen), .tasks = {0}, .from_start = true};
}

TEST(Verifier, a_recovery_excuses_nothing_for_whoever_was_there_from_the_start) {
    const std::vector<SubscriberLog> both{from_start({event(0, 1, 10), event(1, 2, 11), event(2, 3, 12)}),
                                          from_start({recovery(2), event(2, 3, 12)})};
    const auto v = verify(both, published(3), {});
    EXPECT_EQ(v.lost, 2u);
    EXPECT_EQ(v.silent_gaps, 1u);
}

Seen in_epoch(Seen seen, std::uint32_t epoch) {
    seen.epoch = epoch;
    return seen;
}
Seen new_epoch(std::uint32_t epoch, std::uint64_t at) {
    return {.kind = Seen::Kind::new_epoch, .epoch = epoch, .at = at};
}

TEST(Verifier, another_history_without_a_reset_is_a_silent_gap) {
    const auto v = judge(log({in_epoch(event(0, 1, 10), 1), in_epoch(event(1, 1, 1), 2)}), published(2));
    EXPECT_EQ(v.silent_gaps, 1u);
    EXPECT_EQ(v.out_of_order, 0u);
}

TEST(Verifier, an_announced_history_begins_anew) {
    auto events = published(3);
    for (std::size_t i = 0; i < 3; ++i) events[i].acknowledged_at = 10 * i;  // 0 10 20
    const auto v = judge(
        from_start({in_epoch(event(0, 1, 10), 1), new_epoch(2, 15), in_epoch(event(2, 1, 1), 2)}), events);
    EXPECT_TRUE(v.clean()) << v.text();
    EXPECT_EQ(v.announced, 1u);
}

TEST(Verifier, what_was_acknowledged_after_a_reset_is_not_excused_by_it) {
    auto events = published(3);
    for (std::size_t i = 0; i < 3; ++i) events[i].acknowledged_at = 10 * i;
    const auto v = judge(
        from_start({in_epoch(event(0, 1, 10), 1), new_epoch(2, 5), in_epoch(event(2, 1, 1), 2)}), events);
    EXPECT_EQ(v.lost, 1u);
}

TEST(Verifier, a_new_history_that_begins_in_the_middle_of_a_task_is_a_silent_gap) {
    const auto v =
        judge(from_start({in_epoch(event(0, 1, 10), 1), new_epoch(2, 5), in_epoch(event(1, 2, 2), 2)}),
              published(2));
    EXPECT_EQ(v.silent_gaps, 1u);
}

TEST(Verifier, what_a_new_history_holds_beyond_its_state_must_come) {
    const std::vector<SubscriberLog> both{
        from_start({in_epoch(event(0, 1, 1), 2), in_epoch(event(1, 2, 2), 2), in_epoch(event(2, 3, 3), 2)}),
        from_start({in_epoch(event(0, 1, 1), 1), new_epoch(2, 5), recovery(2), in_epoch(event(2, 3, 3), 2)})};
    EXPECT_TRUE(verify(both, published(3), {}).clean());
    auto holed = both;
    holed[1].seen.pop_back();
    EXPECT_EQ(verify(holed, published(3), {}).lost, 1u);
}

TEST(Verifier, a_state_that_overtakes_the_answer_to_its_last_event_excuses_it) {
    auto events = published(2);
    events[1].acknowledged_at = 6;  // after the reset whose state holds it already
    auto state = recovery(1);
    state.event = 1;
    EXPECT_TRUE(judge(from_start({in_epoch(event(0, 1, 10), 1), new_epoch(2, 5), state}), events).clean());
    state.event = 0;
    EXPECT_EQ(judge(from_start({in_epoch(event(0, 1, 10), 1), new_epoch(2, 5), state}), events).lost, 1u);
}

TEST(Verifier, an_acknowledged_event_comes_once_over_all_histories) {
    auto events = published(1);
    events[0].acknowledged_at = 3;
    const auto again = [&](std::uint64_t reset_at) {
        return judge(from_start(
                         {in_epoch(event(0, 1, 10), 1), new_epoch(2, reset_at), in_epoch(event(0, 1, 1), 2)}),
                     events)
            .twice;
    };
    EXPECT_EQ(again(5), 1u);
    // Its writer had no answer when the history was lost, and repeated it.
    EXPECT_EQ(again(2), 0u);
}

TEST(Verifier, after_an_expiry_only_a_task_that_had_ended_may_be_left_out) {
    auto events = published(2);
    events[1].last = events[1].milestone = true;
    const auto missing = [&] {
        return judge(from_start({event(0, 1, 10), {.kind = Seen::Kind::reset, .at = 5}}), events).lost;
    };
    EXPECT_EQ(missing(), 0u);
    events[1].last = false;
    EXPECT_EQ(missing(), 1u);
}

TEST(Verifier, a_reset_excuses_only_until_its_recoveries_have_ended) {
    const std::vector<SubscriberLog> both{from_start({event(0, 1, 10), event(1, 2, 11), event(2, 3, 12)}),
                                          from_start({event(0, 1, 10),
                                                      {.kind = Seen::Kind::reset},
                                                      {.kind = Seen::Kind::settled},
                                                      recovery(2),
                                                      event(2, 3, 12)})};
    const auto v = verify(both, published(3), {});
    EXPECT_EQ(v.lost, 1u);
    EXPECT_EQ(v.silent_gaps, 1u);
}

TEST(Verifier, the_order_of_publishing_holds_where_it_is_known) {
    const auto swapped = log({event(1, 1, 10), event(0, 2, 11)});
    EXPECT_TRUE(judge(swapped, published(2)).clean());
    EXPECT_EQ(verify(std::vector{swapped}, published(2), {.in_publishing_order = true}).out_of_order, 1u);
}

// A server that does not number its events.

Verdict judge_unnumbered(std::vector<std::uint32_t> indices, std::size_t count) {
    std::vector<Seen> seen;
    for (const auto index : indices) seen.push_back(event(index, 0, 0));
    return verify(std::vector{from_start(seen)}, published(count), {.in_publishing_order = true});
}

TEST(Verifier, without_versions_the_ids_tell) {
    EXPECT_TRUE(judge_unnumbered({0, 1, 2}, 3).clean());
    EXPECT_EQ(judge_unnumbered({0, 1, 1, 2}, 3).twice, 1u);
    EXPECT_EQ(judge_unnumbered({0, 2, 1}, 3).out_of_order, 1u);
}

TEST(Verifier, without_versions_a_loss_before_a_later_event_is_also_a_gap) {
    const auto hole = judge_unnumbered({0, 3, 5}, 6);
    EXPECT_EQ(hole.lost, 3u);
    EXPECT_EQ(hole.silent_gaps, 2u);
    const auto tail = judge_unnumbered({0, 1}, 4);
    EXPECT_EQ(tail.lost, 2u);
    EXPECT_EQ(tail.silent_gaps, 0u);
}

TEST(Verifier, a_version_is_also_known_from_what_the_store_lists) {
    // Nobody was sent event 1; only the store knows that the state at version 1 does not hold it.
    const std::vector<SubscriberLog> one{
        from_start({event(0, 1, 10), {.kind = Seen::Kind::reset, .at = 5}, recovery(1)})};
    const std::vector<SubscriberLog> listed{from_start({event(0, 1, 0), event(1, 2, 0)})};
    EXPECT_EQ(verify(one, published(2), {}).lost, 0u);
    EXPECT_EQ(verify(one, published(2), {.also_learn_from = listed}).lost, 1u);
}

TEST(Verifier, keeps_only_the_first_examples) {
    EXPECT_LE(judge(log({}), published(1000)).examples.size(), 10u);
}

}  // namespace
}  // namespace stepcast::proof
