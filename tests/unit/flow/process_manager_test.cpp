#include <gmock/gmock.h>

#include "unit/flow/saga_world.hpp"

namespace stepcast::flow::test {
namespace {

using ::testing::ElementsAre;

TEST_F(ProcessManagerTest, steps_are_carried_out_in_their_order) {
    serve([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await comes(node, SagaStatus::completed));
        EXPECT_THAT(world.log, ElementsAre("+0", "+1", "+2"));
        EXPECT_EQ(co_await timers(), 0u);
        EXPECT_EQ(rows(node)["stepcast_saga_seconds|saga=trip|result=completed"], 1);
        EXPECT_TRUE((co_await node.begin("T"))->deduplicated);
    });
}

TEST_F(ProcessManagerTest, what_was_carried_out_is_undone_in_reverse) {
    world.script[{2, false}] = {Say::refused};
    serve([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await comes(node, SagaStatus::compensated));
        EXPECT_THAT(world.log, ElementsAre("+0", "+1", "-1", "-0"));
        EXPECT_EQ(step_status(co_await state(node), 2), "REFUSED");
        EXPECT_EQ(step_status(co_await state(node), 1), "UNDONE");
        EXPECT_EQ(co_await timers(), 0u);
    });
}

TEST_F(ProcessManagerTest, a_first_step_that_is_refused_leaves_nothing_to_undo) {
    world.script[{0, false}] = {Say::refused};
    serve([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await comes(node, SagaStatus::compensated));
        EXPECT_TRUE(world.log.empty());
    });
}

TEST_F(ProcessManagerTest, an_outage_is_waited_for_and_doubles_nothing) {
    world.script[{1, false}] = {Say::unknown, Say::done_but_unknown};
    serve([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await comes(node, SagaStatus::completed));
        EXPECT_THAT(world.log, ElementsAre("+0", "+1", "+2"));
    });
}

TEST_F(ProcessManagerTest, a_step_in_doubt_is_undone_itself) {
    world.script[{1, false}].assign(100, Say::unknown);
    world.script[{1, false}].front() = Say::done_but_unknown;
    serve([&]() -> awaitable<void> {
        while (world.log.size() < 2) co_await aio::pause(1ms);
        clock.time += 61s;
        EXPECT_TRUE(co_await comes(node, SagaStatus::compensated));
        EXPECT_THAT(world.log, ElementsAre("+0", "+1", "-1", "-0"));
        EXPECT_EQ(step_status(co_await state(node), 1), "UNDONE");
    });
}

TEST_F(ProcessManagerTest, an_answer_that_comes_later_moves_it_on_once) {
    world.script[{1, false}] = {Say::later};
    serve([&]() -> awaitable<void> {
        co_await said(1, false);
        EXPECT_TRUE(co_await node.manager.answer("T", 1, false, {}, {}));
        EXPECT_TRUE(co_await comes(node, SagaStatus::completed));
        EXPECT_EQ(node.manager.counts().late_answers, 0u);
        EXPECT_TRUE(co_await node.manager.answer("T", 1, false, {}, {}));
        EXPECT_EQ(node.manager.counts().late_answers, 1u);
        EXPECT_EQ((co_await state(node)).status, SagaStatus::completed);
    });
}

TEST_F(ProcessManagerTest, an_answer_that_never_comes_is_a_doubt_and_comes_too_late) {
    world.script[{1, false}].assign(100, Say::later);
    serve([&]() -> awaitable<void> {
        while (world.script[{1, false}].size() == 100) co_await aio::pause(1ms);
        clock.time += 61s;
        EXPECT_TRUE(co_await comes(node, SagaStatus::compensated));
        EXPECT_TRUE(co_await node.manager.answer("T", 1, false, {}, {}));
        EXPECT_EQ(node.manager.counts().late_answers, 1u);
        EXPECT_EQ((co_await state(node)).status, SagaStatus::compensated);
        EXPECT_THAT(world.log, ElementsAre("+0", "-0"));
    });
}

TEST_F(ProcessManagerTest, one_that_is_turned_back_undoes_where_it_stands_once) {
    world.script[{1, false}].assign(100, Say::later);
    serve([&]() -> awaitable<void> {
        while (world.script[{1, false}].size() == 100) co_await aio::pause(1ms);
        world.carry_out(1, false);  // nobody has heard of it
        EXPECT_TRUE(co_await node.manager.turn_back("T", "enough", {}));
        EXPECT_TRUE(co_await comes(node, SagaStatus::compensated));
        EXPECT_THAT(world.log, ElementsAre("+0", "+1", "-1", "-0"));
        EXPECT_TRUE(co_await node.manager.turn_back("T", "again", {}));
        EXPECT_EQ((co_await state(node)).status, SagaStatus::compensated);
        EXPECT_EQ((co_await node.manager.turn_back("none", "", {})).error().code, saga_errc::unknown_saga);
    });
}

TEST_F(ProcessManagerTest, what_rests_is_looked_at_when_it_says_so) {
    node.plan.steps_[1] = {.name = "reserve", .look_after = 1h};
    world.script[{1, false}].assign(100, Say::later);
    serve([&]() -> awaitable<void> {
        while (world.script[{1, false}].size() == 100) co_await aio::pause(1ms);
        EXPECT_TRUE((co_await memory.due(clock.time + 59min, 100)).value().empty());
        EXPECT_EQ((co_await memory.due(clock.time + 1h, 100)).value().size(), 1u);
        EXPECT_EQ((co_await state(node)).status, SagaStatus::running);
    });
}

TEST_F(ProcessManagerTest, what_cannot_be_undone_is_stuck_until_it_is_resumed) {
    world.script[{2, false}] = {Say::refused};
    world.script[{1, true}] = {Say::refused};
    serve([&]() -> awaitable<void> {
        EXPECT_EQ((co_await node.manager.resume("none", {})).error().code, saga_errc::unknown_saga);
        EXPECT_TRUE(co_await comes(node, SagaStatus::stuck));
        EXPECT_EQ(step_status(co_await state(node), 1), "STUCK");
        EXPECT_EQ(node.manager.open().count(SagaStatus::stuck), 1u);
        EXPECT_EQ(rows(node)["stepcast_saga_stuck|saga=trip"], 1);
        EXPECT_EQ(rows(node)["stepcast_saga_seconds|saga=trip|result=stuck"], 1);
        EXPECT_THAT(world.log, ElementsAre("+0", "+1")) << "it waits for somebody";
        EXPECT_EQ((co_await node.manager.resume("T", "ship")).error().code, saga_errc::unknown_step);
        EXPECT_TRUE(co_await node.manager.resume("T", {}));
        EXPECT_TRUE(co_await comes(node, SagaStatus::compensated));
        EXPECT_THAT(world.log, ElementsAre("+0", "+1", "-1", "-0"));
        EXPECT_EQ((co_await node.manager.resume("T", {})).error().code, saga_errc::not_stuck);
        EXPECT_FALSE(node.manager.open().knows("T"));
        EXPECT_EQ(rows(node)["stepcast_saga_stuck|saga=trip"], 0);
        EXPECT_EQ(co_await timers(), 0u);
    });
}

TEST_F(ProcessManagerTest, what_is_stuck_is_known_after_a_restart) {
    world.script[{1, false}] = {Say::refused};
    world.script[{0, true}] = {Say::refused};
    serve([&]() -> awaitable<void> { EXPECT_TRUE(co_await comes(node, SagaStatus::stuck)); });
    run([&]() -> awaitable<void> {
        Node second{core, memory, clock, world};
        second.manager.start();
        for (int i = 0; i < 4'000 && !second.manager.open().knows("T"); ++i) co_await aio::pause(1ms);
        EXPECT_EQ(second.manager.counts().stuck, 1u);
        EXPECT_EQ(second.manager.open().count(SagaStatus::stuck), 1u);
        EXPECT_TRUE(co_await second.manager.resume("T", {}));
        EXPECT_TRUE(co_await comes(second, SagaStatus::compensated));
        EXPECT_EQ(second.manager.counts().stuck, 0u);
        EXPECT_FALSE(second.manager.open().knows("T"));
        EXPECT_EQ(co_await timers(), 0u);
        co_await second.stop();
    });
}

TEST_F(ProcessManagerTest, an_undoing_that_nobody_answers_is_stuck_in_the_end) {
    world.script[{1, false}] = {Say::refused};
    world.script[{0, true}].assign(100, Say::unknown);
    serve([&]() -> awaitable<void> {
        while (world.script[{0, true}].size() == 100) co_await aio::pause(1ms);
        clock.time += 61s;
        EXPECT_TRUE(co_await comes(node, SagaStatus::stuck));
    });
}

TEST_F(ProcessManagerTest, what_was_undone_by_hand_is_passed_over) {
    world.script[{2, false}] = {Say::refused};
    world.script[{1, true}] = {Say::refused};
    serve([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await comes(node, SagaStatus::stuck));
        EXPECT_TRUE(co_await node.manager.resume("T", "pay"));
        EXPECT_TRUE(co_await comes(node, SagaStatus::compensated));
        EXPECT_THAT(world.log, ElementsAre("+0", "+1", "-0"));
    });
}

TEST_F(ProcessManagerTest, a_timer_of_what_has_ended_does_nothing_and_is_counted) {
    serve([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await comes(node, SagaStatus::completed));
        std::vector<store::Commit> late(1);
        late[0].timers = {{"trip T", clock.time, "trip", "T"}, {"trip gone", clock.time, "trip", "gone"}};
        EXPECT_TRUE((co_await memory.commit_many(late))[0]);
        for (int i = 0; i < 4'000 && co_await timers() != 0; ++i) co_await aio::pause(1ms);
        EXPECT_EQ(node.manager.counts().late_timers, 2u);
        EXPECT_THAT(world.log, ElementsAre("+0", "+1", "+2"));
    });
}

/// Whatever commit everything ends at, written or lost, every step has its effect once, or none.
TEST_F(ProcessManagerTest, a_kill_at_any_commit_loses_and_doubles_no_step) {
    for (int at = 0; at < 14; ++at)
        for (const bool refuses : {false, true}) {
            SagaWorld its;
            // However often the first node asks while nothing that it writes is kept.
            if (refuses) its.script[{2, false}].assign(1'000, Say::refused);
            store::MemoryStore kept{{}};
            DyingStore dying{kept};
            dying.lives_for = at / 2;
            dying.keeps_one = at % 2 == 1;  // written, and nobody is told
            run([&]() -> awaitable<void> {
                Node first{core, dying, clock, its};
                first.committer.stop();  // an outage is not waited for
                first.manager.start();
                std::ignore = co_await first.begin("T");
                for (int i = 0; i < 30; ++i) co_await aio::pause(1ms);
                co_await first.stop();
            });
            run([&]() -> awaitable<void> {
                Node second{core, kept, clock, its};
                while (!co_await kept.lease("trips", "between", 1ms)) co_await aio::pause(1ms);
                second.manager.start();
                EXPECT_TRUE(co_await second.begin("T"));
                EXPECT_TRUE(co_await comes(second, refuses ? SagaStatus::compensated : SagaStatus::completed))
                    << at;
                co_await second.stop();
            });
            if (refuses)
                EXPECT_THAT(its.log, ElementsAre("+0", "+1", "-1", "-0")) << at;
            else
                EXPECT_THAT(its.log, ElementsAre("+0", "+1", "+2")) << at;
        }
}

}  // namespace
}  // namespace stepcast::flow::test
