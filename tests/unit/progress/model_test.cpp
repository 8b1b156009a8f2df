#include "domain/progress/model.hpp"

#include <gtest/gtest.h>

namespace stepcast::progress {
namespace {

using namespace std::chrono_literals;

struct Tale {
    ProgressState state;
    Timestamp now{1'700'000'000'000ms};  // on the store's clock
    Duration ahead{0};                   // of it, the worker's

    void tell(EventType type, int percentage, Duration later = 1s, std::string step = "s",
              std::int64_t seq = 0) {
        now += later;
        ProgressEvent event;
        event.seq = seq;
        event.event_id = "e" + std::to_string(state.version + 1);
        event.type = type;
        event.percentage = percentage;
        event.timestamp = now + ahead;
        event.step_name = std::move(step);
        evolve(state, event, state.version + 1, state.position + 1, now);
    }
};

TEST(Fold, late_events_move_only_the_counters) {
    Tale tale;
    tale.tell(EventType::started, 0);
    tale.tell(EventType::failed, 40, 1s, "broke");
    const auto ended = tale.now;
    tale.tell(EventType::progress, 60, 1s, "late");
    EXPECT_EQ(tale.state.version, 3u);
    EXPECT_EQ(tale.state.position, 3u);
    EXPECT_EQ(tale.state.status, EventType::failed);
    EXPECT_EQ(tale.state.percentage, 40);
    EXPECT_EQ(tale.state.step_name, "broke");
    EXPECT_EQ(tale.state.event_id, "e2");
    EXPECT_EQ(tale.state.updated_at, ended);
}

TEST(Fold, a_start_after_the_end_restarts_everything) {
    Tale tale;
    tale.tell(EventType::started, 0);
    tale.tell(EventType::completed, 100);
    tale.tell(EventType::started, 0, 10s, "again");
    EXPECT_EQ(tale.state.status, EventType::started);
    EXPECT_EQ(tale.state.started_at, tale.now);
    EXPECT_EQ(tale.state.percentage, 0);
    EXPECT_EQ(tale.state.rate, 0);
    EXPECT_EQ(tale.state.version, 3u);
}

TEST(Fold, a_start_that_is_dated_before_the_end_is_late_and_no_retry) {
    Tale tale;
    tale.tell(EventType::progress, 40);
    tale.tell(EventType::completed, 100);
    const auto ended = tale.now;
    tale.ahead = -1500ms;
    tale.tell(EventType::started, 0);
    EXPECT_EQ(tale.state.status, EventType::completed);
    EXPECT_EQ(tale.state.updated_at, ended);
    EXPECT_EQ(tale.state.version, 3u);
    tale.ahead = -2s;  // at the very moment of the end
    tale.tell(EventType::started, 0);
    EXPECT_EQ(tale.state.status, EventType::started);
}

TEST(Fold, an_event_whose_seq_is_not_above_the_highest_moves_only_the_counters) {
    Tale tale;
    tale.tell(EventType::started, 0, 1s, "a", 1);
    tale.tell(EventType::progress, 60, 1s, "b", 3);
    EXPECT_FALSE(tale.state.out_of_order);
    tale.tell(EventType::progress, 30, 1s, "late", 2);
    EXPECT_EQ(tale.state.percentage, 60);
    EXPECT_EQ(tale.state.step_name, "b");
    EXPECT_EQ(tale.state.version, 3u);
    EXPECT_TRUE(tale.state.out_of_order);
    tale.tell(EventType::completed, 100, 1s, "again", 3);
    EXPECT_EQ(tale.state.status, EventType::progress);
    tale.tell(EventType::failed, 60, 1s, "c", 4);
    EXPECT_EQ(tale.state.status, EventType::failed);
    // Numbers are better than clocks: this one follows the end, whatever its own time says.
    tale.ahead = -1h;
    tale.tell(EventType::started, 0, 1s, "d", 5);
    EXPECT_EQ(tale.state.status, EventType::started);
    EXPECT_TRUE(tale.state.out_of_order);
    EXPECT_EQ(tale.state.seq, 5);
}

TEST(Fold, a_first_event_may_be_progress_and_starts_the_task) {
    Tale tale;
    tale.tell(EventType::progress, 30);
    EXPECT_EQ(tale.state.started_at, tale.now);
    EXPECT_EQ(tale.state.status, EventType::progress);
}

TEST(Percentage, follows_from_type_and_steps_and_else_from_the_past) {
    ProgressState before;
    before.version = 3;
    before.status = EventType::progress;
    before.percentage = 60;
    ProgressEvent event;
    event.type = EventType::progress;
    EXPECT_EQ(implied_percentage(event, before), 60);
    event.current_step = 2, event.total_steps = 3;
    EXPECT_EQ(implied_percentage(event, before), 66);
    event.current_step = event.total_steps = (std::int64_t{1} << 53) - 1;
    EXPECT_EQ(implied_percentage(event, before), 100);
    event.type = EventType::failed;
    EXPECT_EQ(implied_percentage(event, before), 60);
    event.type = EventType::completed;
    EXPECT_EQ(implied_percentage(event, before), 100);
    event = {};
    event.type = EventType::started;
    EXPECT_EQ(implied_percentage(event, before), 60);
    before.status = EventType::failed;
    EXPECT_EQ(implied_percentage(event, before), 0);
}

TEST(Outlook, a_steady_pace_gives_its_rate_and_eta) {
    Tale tale;
    tale.tell(EventType::started, 0);
    for (int p = 2; p <= 50; p += 2) tale.tell(EventType::progress, p);
    const auto out = outlook(tale.state, tale.now, false);
    ASSERT_TRUE(out.rate && out.eta_seconds);
    EXPECT_NEAR(*out.rate, 2.0, 0.01);
    EXPECT_NEAR(*out.eta_seconds, 25.0, 0.2);
    EXPECT_EQ(outlook(tale.state, tale.now + 10s, false).eta_seconds.value() < 15.5, true);
}

TEST(Outlook, the_time_left_is_true_whatever_the_workers_clock_says) {
    for (const Duration ahead : {Duration{0}, Duration{-30s}, Duration{-10min}, Duration{10min}}) {
        Tale tale;
        tale.tell(EventType::started, 0);  // by whoever ordered the work, whose clock is right
        tale.ahead = ahead;
        for (int p = 1; p <= 30; ++p) tale.tell(EventType::progress, p);
        const auto out = outlook(tale.state, tale.now + 500ms, false);
        ASSERT_TRUE(out.rate && out.eta_seconds) << ahead.count();
        EXPECT_NEAR(*out.rate, 1.0, 0.01) << ahead.count();
        EXPECT_NEAR(*out.eta_seconds, 69.5, 0.2) << ahead.count();
        EXPECT_EQ(out.estimated_completion_at,
                  tale.now + 500ms + Duration(std::int64_t(*out.eta_seconds * 1000)));
        EXPECT_EQ(tale.state.updated_at, tale.now + ahead);
    }
}

TEST(Outlook, events_that_arrive_in_one_bunch_are_soon_outweighed) {
    Tale tale;
    tale.tell(EventType::started, 0);
    tale.tell(EventType::progress, 5, 2ms);  // what was five seconds' work waited on its way
    for (int p = 6; p <= 40; ++p) tale.tell(EventType::progress, p);
    EXPECT_NEAR(outlook(tale.state, tale.now, false).rate.value(), 1.0, 0.1);
}

TEST(Outlook, silence_stalls_and_the_end_knows_no_eta) {
    Tale tale;
    tale.tell(EventType::started, 0);
    EXPECT_FALSE(outlook(tale.state, tale.now, false).rate);
    tale.tell(EventType::progress, 10);
    EXPECT_FALSE(outlook(tale.state, tale.now + 30s, false).stalled);
    const auto silent = outlook(tale.state, tale.now + 30s, true);
    EXPECT_TRUE(silent.stalled);
    EXPECT_FALSE(silent.eta_seconds);
    tale.tell(EventType::completed, 100);
    const auto over = outlook(tale.state, tale.now + 1h, true);
    EXPECT_FALSE(over.stalled);
    EXPECT_FALSE(over.rate);
}

TEST(Outlook, events_of_one_moment_count_at_the_next) {
    Tale tale;
    tale.tell(EventType::started, 0);
    tale.tell(EventType::progress, 10, 0s);
    tale.tell(EventType::progress, 20, 10s);
    EXPECT_NEAR(outlook(tale.state, tale.now, false).rate.value(), 2.0, 0.01);
}

}  // namespace
}  // namespace stepcast::progress
