#include "aio/notice.hpp"

#include <gtest/gtest.h>

#include <asio/post.hpp>
#include <asio/thread_pool.hpp>
#include <thread>

#include "aio/gate.hpp"
#include "aio/offload.hpp"
#include "aio/spawn.hpp"

namespace stepcast::aio {
namespace {

using namespace std::chrono_literals;

/// One strand; a test ends only when nothing is suspended any more.
class Aio : public testing::Test {
  protected:
    void run() {
        io.run_for(10s);
        EXPECT_TRUE(io.stopped()) << "something is still suspended";
    }

    asio::io_context io;
    Strand strand{asio::make_strand(io)};
};

TEST_F(Aio, a_notice_before_the_wait_is_not_lost) {
    Notice notice{strand};
    notice.notify();
    bool woken = false;
    spawn(strand, "test", [&]() -> awaitable<void> { woken = co_await notice.wait(5s); });
    const auto start = std::chrono::steady_clock::now();
    run();
    EXPECT_TRUE(woken);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 4s);
}

TEST_F(Aio, several_notices_before_a_wait_are_one) {
    Notice notice{strand};
    notice.notify();
    notice.notify();
    bool first = false, second = true;
    spawn(strand, "test", [&]() -> awaitable<void> {
        first = co_await notice.wait(5s);
        second = co_await notice.wait(1ms);
    });
    run();
    EXPECT_TRUE(first);
    EXPECT_FALSE(second);
}

TEST_F(Aio, a_notice_wakes_the_waiter) {
    Notice notice{strand};
    bool woken = false;
    spawn(strand, "waiter", [&]() -> awaitable<void> { woken = co_await notice.wait(); });
    spawn(strand, "notifier", [&]() -> awaitable<void> {
        notice.notify();
        co_return;
    });
    run();
    EXPECT_TRUE(woken);
}

TEST_F(Aio, a_pause_ends_by_itself) {
    bool whole = false;
    spawn(strand, "test", [&]() -> awaitable<void> { whole = co_await pause(1ms); });
    run();
    EXPECT_TRUE(whole);
}

TEST_F(Aio, a_gate_closes_when_the_last_has_left) {
    Gate gate{strand};
    auto first = gate.enter();
    auto second = gate.enter();
    EXPECT_EQ(gate.count(), 2u);
    bool closed = false;
    spawn(strand, "closer", [&]() -> awaitable<void> { closed = co_await gate.close(); });
    asio::post(strand, [&] {
        EXPECT_FALSE(closed);
        EXPECT_FALSE(gate.enter()) << "nobody gets in any more";
        first = {};
        asio::post(strand, [&] {
            EXPECT_FALSE(closed);
            second = {};
        });
    });
    run();
    EXPECT_TRUE(closed);
    EXPECT_EQ(gate.count(), 0u);
}

TEST_F(Aio, closing_gives_up_after_its_limit) {
    Gate gate{strand};
    auto hold = gate.enter();
    bool closed = true;
    spawn(strand, "closer", [&]() -> awaitable<void> { closed = co_await gate.close(1ms); });
    run();
    EXPECT_FALSE(closed);
    EXPECT_TRUE(gate.closed());
}

TEST_F(Aio, an_empty_gate_closes_at_once) {
    Gate gate{strand};
    bool closed = false;
    spawn(strand, "closer", [&]() -> awaitable<void> { closed = co_await gate.close(0ms); });
    run();
    EXPECT_TRUE(closed);
}

TEST_F(Aio, a_hold_that_moves_counts_once) {
    Gate gate{strand};
    {
        auto a = gate.enter();
        const auto b = std::move(a);
        EXPECT_FALSE(a);  // NOLINT: moved from on purpose
        EXPECT_TRUE(b);
        EXPECT_EQ(gate.count(), 1u);
    }
    EXPECT_EQ(gate.count(), 0u);
}

TEST_F(Aio, offloaded_work_runs_elsewhere_and_its_caller_resumes_on_its_strand) {
    asio::thread_pool pool{1};
    std::thread::id worked;
    bool on_strand = false;
    spawn(strand, "test", [&]() -> awaitable<void> {
        const auto value = co_await offload(pool, [&] {
            worked = std::this_thread::get_id();
            return std::make_unique<int>(42);
        });
        EXPECT_EQ(*value, 42);
        on_strand = strand.running_in_this_thread();
    });
    run();
    pool.join();
    EXPECT_NE(worked, std::thread::id{});
    EXPECT_NE(worked, std::this_thread::get_id());
    EXPECT_TRUE(on_strand);
}

TEST_F(Aio, what_offloaded_work_throws_reaches_its_caller) {
    asio::thread_pool pool{1};
    std::string caught;
    spawn(strand, "test", [&]() -> awaitable<void> {
        try {
            co_await offload(pool, []() -> int { throw std::runtime_error{"disk"}; });
        } catch (const std::runtime_error& e) {
            caught = e.what();
        }
    });
    run();
    pool.join();
    EXPECT_EQ(caught, "disk");
}

TEST_F(Aio, a_spawned_callable_lives_as_long_as_its_coroutine) {
    const auto text = std::make_shared<std::string>("still here");
    std::string seen;
    spawn(strand, "test", [copy = text, &seen]() -> awaitable<void> {
        co_await pause(1ms);
        seen = *copy;
    });
    EXPECT_EQ(text.use_count(), 2);
    run();
    EXPECT_EQ(seen, "still here");
    EXPECT_EQ(text.use_count(), 1);
}

TEST_F(Aio, a_death_does_not_take_the_strand_along) {
    bool went_on = false;
    spawn(strand, "dies", []() -> awaitable<void> {
        co_await pause(0ms);
        throw std::runtime_error{"a test's death"};
    });
    spawn(strand, "lives", [&]() -> awaitable<void> { went_on = co_await pause(2ms); });
    run();
    EXPECT_TRUE(went_on);
}

}  // namespace
}  // namespace stepcast::aio
