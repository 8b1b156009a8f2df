#include "bus/promise.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <asio/thread_pool.hpp>
#include <atomic>
#include <thread>
#include <vector>

#include "aio/spawn.hpp"
#include "aio/turn.hpp"
#include "aio/unless.hpp"

namespace stepcast::bus {
namespace {

using namespace std::chrono_literals;
using Outcome = std::optional<std::optional<Error>>;

class PromiseTest : public testing::Test {
  protected:
    std::shared_ptr<Promise> promise(std::size_t answers = 1) {
        return std::make_shared<Promise>(waiters, answers);
    }
    void wait_for(std::shared_ptr<Promise> promise, Outcome& outcome) {
        aio::spawn(strand, "waits",
                   [promise, &outcome]() -> awaitable<void> { outcome = co_await promise->wait(); });
    }

    asio::io_context io{1};
    aio::Strand strand = asio::make_strand(io);
    std::shared_ptr<Waiters> waiters = std::make_shared<Waiters>(1h);
};

TEST_F(PromiseTest, tells_what_was_answered_before_anybody_waited) {
    Outcome kept, refused;
    auto first = promise(2), second = promise();
    first->answer(2);
    second->refuse(Error{errc::closed});
    wait_for(first, kept);
    wait_for(second, refused);
    io.run_for(30s);
    ASSERT_TRUE(kept && refused);
    EXPECT_FALSE(kept->has_value());
    ASSERT_TRUE(refused->has_value());
    EXPECT_EQ((*refused)->code, errc::closed);
}

TEST_F(PromiseTest, leaves_no_timer_once_nobody_waits) {
    Outcome first, second;
    const auto a = promise(), b = promise();
    wait_for(a, first);
    wait_for(b, second);
    io.poll();
    a->answer();
    b->answer();
    io.restart();
    io.run_for(30s);
    EXPECT_TRUE(first && second);
    EXPECT_TRUE(io.stopped()) << "the hour's timer still runs";
}

TEST_F(PromiseTest, many_that_are_answered_at_once_leave_room_for_others_on_their_strand) {
    std::vector<std::shared_ptr<Promise>> promises;
    std::vector<Outcome> outcomes(1000);
    for (auto& outcome : outcomes) wait_for(promises.emplace_back(promise()), outcome);
    io.poll();
    for (const auto& each : promises) each->answer();
    std::size_t told = 0;
    asio::post(strand, [&] { told = std::ranges::count_if(outcomes, &Outcome::has_value); });
    io.restart();
    io.run_for(30s);
    EXPECT_GT(told, 0u);
    EXPECT_LE(told, 100u) << "in one turn";
    EXPECT_TRUE(std::ranges::all_of(outcomes, &Outcome::has_value));
}

TEST_F(PromiseTest, ends_each_wait_at_its_own_limit_and_those_answered_in_time_not_at_all) {
    waiters = std::make_shared<Waiters>(30ms);
    std::vector<std::shared_ptr<Promise>> promises;
    std::vector<Outcome> outcomes(4);
    for (auto& outcome : outcomes) wait_for(promises.emplace_back(promise()), outcome);
    io.poll();
    promises[1]->answer();
    promises[3]->refuse(Error{errc::closed});
    io.restart();
    io.run_for(30s);
    for (const std::size_t late : {0, 2}) {
        ASSERT_TRUE(outcomes[late] && outcomes[late]->has_value());
        EXPECT_EQ((*outcomes[late])->code, errc::unavailable);
        EXPECT_FALSE(promises[late]->refuse_last(Error{errc::closed})) << "nobody waits any more";
        promises[late]->answer();  // too late, and harmless
    }
    EXPECT_TRUE(outcomes[1] && !outcomes[1]->has_value());
    EXPECT_TRUE(outcomes[3] && outcomes[3]->has_value() && (*outcomes[3])->code == errc::closed);
}

TEST_F(PromiseTest, a_wait_that_is_cut_lets_go_and_later_answers_do_no_harm) {
    aio::Stop stop;
    bool cut = false;
    const auto open = promise();
    aio::spawn(strand, "waits",
               [&]() -> awaitable<void> { cut = !(co_await aio::unless(stop, open->wait())).has_value(); });
    io.poll();
    stop.raise();
    io.restart();
    io.run_for(30s);
    EXPECT_TRUE(cut);
    EXPECT_TRUE(io.stopped()) << "a timer still runs";
    open->answer();
}

TEST_F(PromiseTest, who_is_abandoned_is_taken_down_and_resumes_nowhere) {
    bool resumed = false;
    const auto held = std::make_shared<int>(0);
    auto open = promise();
    aio::spawn(strand, "waits", [&resumed, held, open]() -> awaitable<void> {
        const auto local = held;
        co_await open->wait();
        resumed = true;
    });
    io.poll();
    waiters->abandon();
    io.restart();
    io.run_for(30s);
    EXPECT_TRUE(io.stopped());
    EXPECT_FALSE(resumed);
    EXPECT_EQ(held.use_count(), 1) << "its coroutine is still there";
    open->answer();
}

TEST_F(PromiseTest, each_is_told_on_its_strand_in_the_order_of_the_answers) {
    const std::array strands{strand, asio::make_strand(io)};
    std::vector<std::shared_ptr<Promise>> promises;
    std::array<std::vector<int>, 2> told;
    for (int i = 0; i < 6; ++i) {
        const auto open = promises.emplace_back(promise());
        const auto on = static_cast<std::size_t>(i % 2);
        aio::spawn(strands[on], "waits", [&, i, on, open]() -> awaitable<void> {
            const auto refused = co_await open->wait();
            EXPECT_EQ(refused.has_value(), i == 4);
            EXPECT_TRUE(strands[on].running_in_this_thread());
            told[on].push_back(i);
            if (i == 0) promises[2]->answer();  // while others are being told
        });
    }
    io.poll();
    promises[4]->refuse(Error{errc::closed});
    for (const std::size_t i : {5, 0, 1, 3}) promises[i]->answer();
    io.restart();
    io.run_for(30s);
    EXPECT_EQ(told[0], (std::vector{4, 0, 2}));
    EXPECT_EQ(told[1], (std::vector{5, 1, 3}));
}

TEST_F(PromiseTest, who_is_answered_and_then_abandoned_is_taken_down_as_well) {
    const auto held = std::make_shared<int>(0);
    auto open = promise();
    aio::spawn(strand, "waits", [held, open]() -> awaitable<void> {
        const auto local = held;
        co_await open->wait();
    });
    io.poll();
    open->answer();
    waiters->abandon();
    io.restart();
    io.run_for(30s);
    EXPECT_TRUE(io.stopped());
    EXPECT_EQ(held.use_count(), 1) << "its coroutine is still there";
}

TEST_F(PromiseTest, is_answered_from_other_threads_whichever_comes_first) {
    waiters = std::make_shared<Waiters>(1ms);  // some are late, some are not
    constexpr int rounds = 2'000;
    std::atomic<int> told{0};
    asio::thread_pool others{2};
    for (int i = 0; i < rounds; ++i)
        aio::spawn(strand, "waits", [&]() -> awaitable<void> {
            const auto open = promise(2);
            asio::post(others, [open] { open->answer(); });
            asio::post(others, [open] { open->refuse(Error{errc::closed}); });
            const auto outcome = co_await open->wait();
            EXPECT_TRUE(outcome.has_value());
            ++told;
        });
    std::thread second{[&] { io.run_for(60s); }};
    io.run_for(60s);
    second.join();
    others.join();
    EXPECT_EQ(told, rounds);
    EXPECT_TRUE(io.stopped());
}

TEST_F(PromiseTest, one_that_is_refused_as_its_time_ends_is_not_told_as_kept) {
    waiters = std::make_shared<Waiters>(0ms);
    constexpr int rounds = 5'000;  // or as many as there is time for
    const auto enough = std::chrono::steady_clock::now() + 2s;
    std::atomic<Promise*> open{nullptr};
    std::atomic<int> delay{0};  // goes by what came first the last time, so that both meet
    std::atomic<bool> over{false};
    std::thread refuser{[&] {
        while (!over) {
            std::this_thread::yield();
            Promise* const given = open;
            if (given == nullptr) continue;
            for (int spins = 0; spins < 10 * delay; ++spins) static_cast<void>(open.load());
            given->refuse_last(Error{errc::closed});
            open = nullptr;
        }
    }};
    int told = 0;
    aio::spawn(strand, "waits", [&]() -> awaitable<void> {
        for (; told < rounds && std::chrono::steady_clock::now() < enough; ++told) {
            const auto its = promise();
            open = its.get();
            const auto outcome = co_await its->wait();
            EXPECT_TRUE(outcome.has_value());
            delay += outcome && outcome->code == errc::closed ? 1 : -1;
            while (open != nullptr) std::this_thread::yield();
        }
    });
    io.run_for(60s);
    over = true;
    refuser.join();
    EXPECT_TRUE(io.stopped());
    EXPECT_GT(told, 0);
}

}  // namespace
}  // namespace stepcast::bus
