#include "aio/stop.hpp"

#include <gtest/gtest.h>
#include <asio/thread_pool.hpp>
#include <atomic>
#include <thread>

#include "aio/backoff.hpp"
#include "aio/spawn.hpp"
#include "aio/unless.hpp"

namespace stepcast::aio {
namespace {

using namespace std::chrono_literals;

TEST(Stop, cuts_the_pauses_of_all_on_whatever_strand) {
    asio::io_context io;
    Stop stop;
    std::atomic<int> paused{0};
    std::atomic<int> cut{0};
    for (int i = 0; i < 20; ++i)
        spawn(asio::make_strand(io), "pauses", [&]() -> awaitable<void> {
            ++paused;
            if (!co_await stop.pause(1h)) ++cut;
        });
    std::thread raiser{[&] {
        while (paused < 10) std::this_thread::yield();
        stop.raise();
    }};
    std::thread other{[&] { io.run_for(60s); }};
    io.run_for(60s);
    other.join();
    raiser.join();
    EXPECT_EQ(cut, 20);
    EXPECT_TRUE(io.stopped()) << "a timer still runs";
}

TEST(Stop, lets_nobody_pause_any_more_once_it_is_raised) {
    asio::io_context io;
    Stop stop;
    bool ended = false;
    spawn(asio::make_strand(io), "pauses", [&]() -> awaitable<void> {
        EXPECT_TRUE(co_await stop.pause(1ms));
        EXPECT_FALSE(stop.raised());
        stop.raise();
        stop.raise();
        EXPECT_TRUE(stop.raised());
        EXPECT_FALSE(co_await stop.pause(1h));
        ended = true;
    });
    io.run_for(60s);
    EXPECT_TRUE(ended);
}

TEST(Stop, forgets_whoever_is_destroyed_in_a_pause) {
    Stop stop;
    {
        asio::io_context io;
        spawn(asio::make_strand(io), "pauses", [&]() -> awaitable<void> { co_await stop.pause(1h); });
        io.run_for(1ms);
    }
    stop.raise();
}

TEST(Unless, gives_what_the_work_comes_to_or_cuts_it_at_the_stop) {
    asio::io_context io;
    Stop stop;
    Stop of_work;
    bool ended = false;
    const auto work = [&](std::chrono::milliseconds time) -> awaitable<int> {
        co_await of_work.pause(time);
        co_return 7;
    };
    spawn(asio::make_strand(io), "works", [&]() -> awaitable<void> {
        EXPECT_EQ(co_await unless(stop, work(1ms)), 7);
        EXPECT_EQ(co_await unless(stop, work(1h)), std::nullopt);
        EXPECT_EQ(co_await unless(stop, work(1h)), std::nullopt) << "it was raised before";
        ended = true;
    });
    spawn(asio::make_strand(io), "stops", [&]() -> awaitable<void> {
        co_await pause(20ms);
        stop.raise();
    });
    io.run_for(60s);
    EXPECT_TRUE(ended);
    EXPECT_TRUE(io.stopped()) << "the work still runs";
}

TEST(Backoff, doubles_up_to_its_bound_and_differs_by_chance) {
    bool differs = false;
    Backoff::Duration before{};
    for (int round = 0; round < 20; ++round) {
        Backoff backoff{100ms, 1s};
        std::uint32_t attempts = 0;
        for (const Backoff::Duration whole : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
            for (const auto pause : {backoff.next(), Backoff::after(attempts + 1, 100ms, 1s)}) {
                EXPECT_GE(pause, whole / 2);
                EXPECT_LE(pause, whole);
            }
            ++attempts;
        }
        backoff.reset();
        const auto first = backoff.next();
        EXPECT_LE(first, 100ms);
        differs |= round > 0 && first != before;
        before = first;
    }
    EXPECT_TRUE(differs);
}

}  // namespace
}  // namespace stepcast::aio
