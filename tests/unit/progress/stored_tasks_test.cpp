#include <gtest/gtest.h>

#include "domain/progress/refold.hpp"
#include "unit/progress/service_fixture.hpp"

namespace stepcast::progress::test {
namespace {

class Stored : public Service {
  protected:
    ProgressState folded(const std::vector<event::EventRef>& events) {
        ProgressState state;
        finish(fold(state, events, false));
        return state;
    }
    void keep(const std::string& task, const ProgressState& state) {
        std::vector<store::Commit> states(1);
        StoredTasks::keep(states[0], task, state);
        finish(tasks.commit(states));
    }

    StoredTasks tasks{store};
    ProgressProjection projection;
};

TEST_F(Stored, a_state_that_is_kept_beside_its_events_is_gone_on_from_to_the_version_asked_for) {
    const auto events = commit(4);
    keep("t", folded({events[0], events[1]}));
    EXPECT_TRUE(finish(tasks.has_snapshot("t")));
    const auto state = finish(tasks.go_on("t", 3));
    ASSERT_TRUE(state);
    EXPECT_EQ(save_state(*state), save_state(folded({events[0], events[1], events[2]})));
    EXPECT_EQ(finish(tasks.read("t", 1, 4))->size(), 4u) << "the events stay";
    EXPECT_EQ(tasks.counts().saved, 1u);
}

TEST_F(Stored, what_went_before_the_first_event_is_a_snapshot_that_ends_right_before_it) {
    const auto events = commit(4);
    EXPECT_EQ(finish(tasks.base("t", 1))->version, 0u) << "nothing went before";
    EXPECT_FALSE(finish(tasks.base("t", 3)));
    EXPECT_EQ(tasks.counts().ignored, 0u) << "there is none";
    ASSERT_TRUE(finish(tasks.replace("t", folded({events[0], events[1]}))));
    EXPECT_EQ(finish(tasks.base("t", 3))->version, 2u);
    EXPECT_EQ(finish(tasks.base("t", 4)).error().code, query_errc::trimmed);
    EXPECT_EQ(tasks.counts().ignored, 1u);
}

TEST_F(Stored, a_refold_notes_only_tasks_whose_state_was_kept_and_takes_that_up) {
    const auto kept = commit(2, "kept");
    const auto plain = commit(2, "plain");
    ProgressState told = folded(kept);
    told.percentage = 77;  // as another order would have given
    keep("kept", told);
    std::vector<const Task*> resumed;
    const Instant now{system_clock().now(), std::chrono::steady_clock::now()};
    Refold refold{projection, tasks};
    for (const auto& events : {kept, plain}) {
        projection.apply(events, now, resumed);
        finish(refold.note(events));
    }
    finish(refold.take_up());
    EXPECT_EQ(projection.find("kept")->state.percentage, 77);
    EXPECT_TRUE(projection.find("kept")->split);
    EXPECT_FALSE(projection.find("plain")->split);
}

}  // namespace
}  // namespace stepcast::progress::test
