#include <gtest/gtest.h>

#include "unit/broadcast/pipe_session.hpp"
#include "unit/progress/service_fixture.hpp"
#include "unit/progress/turns.hpp"

namespace stepcast::progress {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;
using test::Service;
using testing::of_user;
using testing::PipeSession;

TEST_F(Service, counts_what_the_feed_gives_twice_or_out_of_order) {
    const auto events = commit(3);
    feed(std::span{events}.first(2));
    EXPECT_EQ(hub.feed_gaps(), 0u);
    feed(std::span{events}.subspan(1));
    EXPECT_EQ(hub.feed_gaps(), 1u);
    EXPECT_EQ(service.projection().applied(), 3u);
}

TEST_F(Service, delivery_is_measured_from_the_commit_and_each_group_is_timed) {
    auto& lane = broadcaster.lane(0);
    PipeSession session{io, lane, of_user("u", category)};
    finish(aio::run_on(lane.strand(), [&]() -> awaitable<void> {
        session.enter();
        co_return;
    }));
    const auto began = Steady::now();
    const auto events = commit(2);
    hub.note_commit(began, events.back()->position());
    const auto committed = Steady::now();
    while (Steady::now() < committed + 20ms) {  // the feed is late
    }
    feed(events);
    std::string got;
    EXPECT_TRUE(pump_until([&] { return (got += session.read()).find("id: ") != std::string::npos; }));
    EXPECT_GE(lane.stats().delivery_seconds.sum_seconds(), 2 * 0.020) << "two events, each late";
    EXPECT_GE(hub.commit_seconds().sum_seconds(), 0);
    std::uint64_t groups = 0;
    for (std::size_t i = 0; i <= Histogram::bounds.size(); ++i) groups += hub.commit_seconds().bucket(i);
    EXPECT_EQ(groups, 1u);
}

TEST_F(Service, a_task_that_is_reported_again_while_it_is_trimmed_is_trimmed_once) {
    feed(commit(1000));
    store::EventStore::Expired oversized;
    oversized.oversized.push_back({&category, "t"});
    hub.take_cleaned(oversized);
    hub.take_cleaned(oversized);
    EXPECT_TRUE(pump_until([&] { return service.snapshots().saved == 1; }));
    for (int turns = 0; turns < 50; ++turns) ASSERT_TRUE(finish(service.status("t", std::nullopt)));
    EXPECT_EQ(service.snapshots().saved, 1u);
    EXPECT_EQ(service.snapshots().failed, 0u);
    feed(commit(100));
    hub.take_cleaned(oversized);
    EXPECT_TRUE(pump_until([&] { return service.snapshots().saved == 2; }));
}

TEST_F(Service, a_task_that_the_store_knows_further_is_trimmed_once_the_projection_has_come_there) {
    feed(commit(150));
    store::EventStore::Expired oversized;
    oversized.oversized.push_back({&category, "t"});
    hub.take_cleaned(oversized);
    EXPECT_TRUE(pump_until([&] { return service.snapshots().saved == 1; }));
    const auto events = commit(100);
    hub.take_cleaned(oversized);
    for (int turns = 0; turns < 50; ++turns) ASSERT_TRUE(finish(service.status("t", std::nullopt)));
    EXPECT_EQ(service.snapshots().failed, 0u) << "nothing has to be folded yet";
    feed(events);
    hub.take_cleaned(oversized);
    EXPECT_TRUE(pump_until([&] { return service.snapshots().saved == 2; }));
}

TEST_F(Service, a_snapshot_that_cannot_be_used_is_counted_as_ignored_and_the_next_as_failed) {
    feed(commit(150));
    store::EventStore::Expired oversized;
    oversized.oversized.push_back({&category, "t"});
    const event::Version past = 100;
    hub.take_cleaned(oversized);
    EXPECT_TRUE(pump_until([&] { return service.snapshots().saved == 1; }));
    ASSERT_TRUE(finish(service.status("t", past)));
    EXPECT_EQ(service.snapshots().ignored, 0u);

    const auto first = service.projection().find("t")->first_version;
    ASSERT_TRUE(finish(store.save_snapshot(category, "t", {first - 1, state_schema + 1, "?"}, true)));
    EXPECT_FALSE(finish(service.status("t", past)));
    EXPECT_EQ(service.snapshots().ignored, 1u);
    feed(commit(50));
    hub.take_cleaned(oversized);
    EXPECT_TRUE(pump_until([&] { return service.snapshots().failed == 1; }));
    EXPECT_EQ(service.snapshots().saved, 1u);
}

TEST_F(Service, what_was_folded_before_a_start_is_gone_on_from) {
    feed(commit(150));
    store::EventStore::Expired oversized;
    oversized.oversized.push_back({&category, "t"});
    hub.take_cleaned(oversized);
    EXPECT_TRUE(pump_until([&] { return service.snapshots().saved == 1; }));
    const Task& before = *service.projection().find("t");
    ASSERT_GT(before.first_version, 1u);

    flow::FeedHub other{core, store, broadcaster, system_clock(), 1h};
    ProgressEventService again{core, store, other, broadcaster, system_clock(), {.max_events_per_task = 100}};
    other.add(again);
    const auto kept = finish(store.read_all({.from = 1, .limit = 1000}));
    finish(other.take(kept->events, kept->through));
    const Task& after = *again.projection().find("t");
    EXPECT_EQ(after.first_version, before.first_version);
    EXPECT_EQ(save_state(after.state), save_state(before.state));
    EXPECT_EQ(again.projection().counts().by_status, service.projection().counts().by_status);
    EXPECT_EQ(finish(again.history("t", {}, 1, 1000))->events.size(), kept->events.size());
    EXPECT_EQ(finish(again.status("t", 120))->state.version, 120u);
    EXPECT_EQ(finish(again.status("t", 1)).error().code, query_errc::trimmed);
    commit(60);
    const auto more = finish(store.read_all({.from = kept->through + 1, .limit = 1000}));
    finish(other.take(more->events, more->through));
    other.take_cleaned(oversized);
    EXPECT_TRUE(pump_until([&] { return again.snapshots().saved == 1; })) << "folding goes on";
    finish(again.stop());
}

TEST_F(Service, what_expired_before_it_was_read_counts_as_applied) {
    feed(commit(3));
    finish(hub.take({}, 7));
    EXPECT_EQ(service.projection().applied(), 7u);
    finish(hub.take({}, 5));
    EXPECT_EQ(service.projection().applied(), 7u) << "it never falls";
}

TEST_F(Service, others_have_their_turns_while_a_long_task_is_asked_how_it_stood_at_a_time) {
    feed(commit(10'000));
    Turns turns{core};
    const auto found = finish(service.version_at("t", Timestamp{} - 1ms));
    turns.end();
    io.restart();
    io.run_for(1ms);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, query_errc::beyond_head);
    EXPECT_GE(turns.count(), 60) << "as many while it is looked through as while it is read";
}

TEST_F(Service, a_moment_within_the_folded_part_is_gone_and_one_before_it_never_was) {
    for (int i = 0; i < 150; ++i) feed(commit_at(Timestamp{Duration{1000 * (i + 1)}}));
    store::EventStore::Expired oversized;
    oversized.oversized.push_back({&category, "t"});
    hub.take_cleaned(oversized);
    EXPECT_TRUE(pump_until([&] { return service.snapshots().saved == 1; }));
    const auto folded = static_cast<std::int64_t>(service.projection().find("t")->first_version) - 1;
    const auto at = [&](std::int64_t ms) { return finish(service.version_at("t", Timestamp{Duration{ms}})); };
    EXPECT_EQ(at(999).error().code, query_errc::beyond_head);
    EXPECT_EQ(at(1000 * folded - 1).error().code, query_errc::trimmed);
    EXPECT_EQ(at(1000 * folded).value(), folded);
    EXPECT_EQ(at(1000 * folded + 1500).value(), folded + 1);
    EXPECT_EQ(finish(service.status("t", folded))->state.version, folded);
    EXPECT_EQ(finish(service.history("t", folded, 1, 10)).error().code, query_errc::trimmed);
    EXPECT_EQ(finish(service.history("t", folded + 2, 1, 10))->events.size(), 2u);
    EXPECT_EQ(finish(service.history("t", 151, 1, 10)).error().code, query_errc::beyond_head);
}

TEST_F(Service, the_history_of_a_task_that_was_let_go_is_unknown_before_the_cleaner_tells) {
    feed(commit(3));
    EXPECT_EQ(finish(service.history("t", {}, 1, 10))->events.size(), 3u);
    EXPECT_TRUE(finish(service.history("t", {}, 4, 10))->events.empty()) << "nothing newer is no error";
    ASSERT_TRUE(finish(store.cleanup(system_clock().now() + 1000h)));
    const auto history = finish(service.history("t", {}, 1, 10));
    ASSERT_FALSE(history);
    EXPECT_EQ(history.error().code, query_errc::unknown_task);
}

TEST_F(Service, a_new_history_is_folded_from_nothing) {
    feed(commit(3, "a"));
    feed(commit(2, "b"));
    service.reset();
    EXPECT_EQ(service.projection().find("a"), nullptr);
    EXPECT_EQ(service.projection().find_user("u"), nullptr);
    EXPECT_EQ(service.projection().applied(), 0u);
    EXPECT_EQ(service.projection().counts().by_status, (std::array<std::uint64_t, 4>{}));
    const auto first = finish(store.read_all({.from = 1, .to = 2, .limit = 10}))->events;
    finish(service.apply(first, 2));
    EXPECT_EQ(service.projection().find("a")->state.version, 2u);
}

class QuickStall : public Service {
  protected:
    QuickStall() : Service{{.stall_after = 20ms}} {}
};

TEST_F(QuickStall, of_a_task_that_expires_between_its_event_and_the_telling_nothing_is_told) {
    service.start();
    auto& lane = broadcaster.lane(0);
    PipeSession session{io, lane, of_user("u", category)};
    finish(aio::run_on(lane.strand(), [&]() -> awaitable<void> {
        session.enter();
        co_return;
    }));
    feed(commit(1, "t"));
    EXPECT_TRUE(pump_until([&] { return service.projection().find("t")->stalled; }));
    std::string told;
    EXPECT_TRUE(
        pump_until([&] { return (told += session.read()).find("\"stalled\":true") != std::string::npos; }));
    const auto more = commit(1, "t");
    finish(service.apply(more, more.back()->position()));
    service.expired({&category, "t", "u", more.back()->position()});
    service.published();
    feed(commit(1, "other"));
    told.clear();
    EXPECT_TRUE(pump_until([&] { return (told += session.read()).find("other") != std::string::npos; }));
    EXPECT_EQ(told.find("\"stalled\":false"), std::string::npos);
}

}  // namespace
}  // namespace stepcast::progress
