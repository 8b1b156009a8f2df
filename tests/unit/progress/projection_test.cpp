#include "domain/progress/projection.hpp"

#include <gtest/gtest.h>

#include <map>

#include "domain/progress/codec.hpp"

namespace stepcast::progress {
namespace {

using namespace std::chrono_literals;

constexpr auto stall_after = 30s;

/// Two clocks, of which one may be set.
struct Clocks {
    Instant now{Timestamp{1'700'000'000'000ms}, std::chrono::steady_clock::time_point{1h}};

    void pass(Duration time) { now.wall += time, now.steady += time; }
    void set(Duration by) { now.wall += by; }
};

class ProjectionTest : public ::testing::Test {
  protected:
    /// One more event of a task, stored now.
    event::EventRef store(const std::string& task) {
        ProgressEvent event;
        event.task_id = task;
        event.user_id = "ada";
        event.event_id = std::to_string(++position_);
        event.timestamp = clocks_.now.wall;
        event.percentage = 1;
        std::string scratch;
        return event::Event::seal(make_draft(event, scratch), ++versions_[task], position_, clocks_.now.wall,
                                  "e");
    }
    void apply(const event::EventRef& stored) {
        projection_.apply(std::span{&stored, 1}, clocks_.now, resumed_);
    }
    void tell(const std::string& task) { apply(store(task)); }

    /// Who turns stalled now.
    std::vector<std::string> newly_stalled() {
        std::vector<const Task*> tasks;
        projection_.mark_stalled(clocks_.now.steady, stall_after, 10, tasks);
        std::vector<std::string> names;
        for (const auto* task : tasks) names.push_back(task->id);
        return names;
    }

    using Names = std::vector<std::string>;
    ProgressProjection projection_;
    Clocks clocks_;
    std::map<std::string, event::Version> versions_;
    event::Position position_ = 0;
    std::vector<const Task*> resumed_;
};

TEST_F(ProjectionTest, silence_stalls_and_the_next_event_wakes) {
    tell("one");
    clocks_.pass(29'999ms);
    EXPECT_EQ(newly_stalled(), Names{});
    clocks_.pass(1ms);
    EXPECT_EQ(newly_stalled(), Names{"one"});
    EXPECT_EQ(newly_stalled(), Names{});
    tell("one");
    ASSERT_EQ(resumed_.size(), 1u);
    EXPECT_FALSE(resumed_.front()->is_silent(clocks_.now.steady, stall_after));
}

TEST_F(ProjectionTest, a_clock_that_is_set_ahead_stalls_nobody) {
    tell("one");
    clocks_.set(1h);
    clocks_.pass(29s);
    EXPECT_EQ(newly_stalled(), Names{});
    clocks_.pass(1s);
    EXPECT_EQ(newly_stalled(), Names{"one"});
}

TEST_F(ProjectionTest, a_clock_that_is_set_back_keeps_nobody_from_stalling) {
    tell("one");
    clocks_.set(-1h);
    tell("two");
    clocks_.pass(30s);
    EXPECT_EQ(newly_stalled(), (Names{"one", "two"}));
}

TEST_F(ProjectionTest, a_rebuild_counts_from_when_an_event_was_stored) {
    const auto one = store("one");
    clocks_.pass(20s);
    apply(one);
    clocks_.pass(10s);
    EXPECT_EQ(newly_stalled(), Names{"one"});
}

TEST_F(ProjectionTest, what_a_clock_that_ran_ahead_stored_counts_from_when_it_is_read) {
    clocks_.set(1h);
    const auto one = store("one");
    clocks_.set(-1h);
    apply(one);
    clocks_.pass(29s);
    EXPECT_EQ(newly_stalled(), Names{});
    clocks_.pass(1s);
    EXPECT_EQ(newly_stalled(), Names{"one"});
}

}  // namespace
}  // namespace stepcast::progress
