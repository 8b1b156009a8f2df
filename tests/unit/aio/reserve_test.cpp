#include "aio/reserve.hpp"

#include <gtest/gtest.h>

#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <atomic>
#include <functional>
#include <semaphore>

namespace stepcast::aio {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr Reserve::Pace quick{.look = 1ms, .stay = 10ms};

// A handler that goes on once another one has run beside it.
TEST(Reserve, JoinsWhoHasNoPause) {
    asio::io_context io{3};
    std::binary_semaphore met{0};
    bool together = false;
    asio::post(io, [&] { together = met.try_acquire_for(20s); });
    asio::post(io, [&] { met.release(); });
    {
        const Reserve reserve{io, 2, [] { return Clock::now().time_since_epoch(); }, quick};
        io.run();
    }
    EXPECT_TRUE(together);
}

TEST(Reserve, StaysAwayFromWhoHasPauses) {
    asio::io_context io{2};
    const auto here = std::this_thread::get_id();
    int handled = 0;
    int elsewhere = 0;
    asio::steady_timer timer{io};
    const std::function<void()> again = [&] {
        timer.expires_after(1ms);
        timer.async_wait([&](std::error_code) {
            elsewhere += std::this_thread::get_id() != here;
            if (++handled < 100) again();
        });
    };
    again();
    const Reserve reserve{io, 1, [] { return 1s; }, quick};
    io.run();
    EXPECT_EQ(handled, 100);
    EXPECT_EQ(elsewhere, 0);
}

TEST(Reserve, LeavesWhoHasPausesAgain) {
    asio::io_context io{2};
    auto work = asio::make_work_guard(io);
    // The helper comes only once the first handler runs, so that it cannot be the one that takes that.
    enum class Phase : std::uint8_t { before, busy, pauses };
    std::atomic<Phase> phase = Phase::before;
    std::atomic<int> looks = 0;  // with pauses
    std::binary_semaphore joined{0};
    std::thread::id helper;
    const auto core_time = [&]() -> std::chrono::nanoseconds {
        if (phase == Phase::busy) return Clock::now().time_since_epoch();
        // Only who is outside looks.
        if (phase == Phase::pauses && ++looks == 3) asio::post(io, [&] { work.reset(); });
        return 1s;
    };
    bool together = false;
    asio::post(io, [&] {
        phase = Phase::busy;
        together = joined.try_acquire_for(20s);
        phase = Phase::pauses;
    });
    asio::post(io, [&] {
        helper = std::this_thread::get_id();
        joined.release();
    });
    {
        const Reserve reserve{io, 1, core_time, quick};
        io.run();
    }
    EXPECT_TRUE(together);
    EXPECT_NE(helper, std::this_thread::get_id());
    EXPECT_GE(looks, 3);
}

TEST(Reserve, AnIdleContextEndsAtOnce) {
    asio::io_context io{4};
    const Reserve reserve{io, 3, core_time_of_this_thread()};
    io.run();
}

TEST(CoreTime, GrowsWhileTheThreadRuns) {
    const auto core_time = core_time_of_this_thread();
    const auto enough = core_time() + 20ms;
    for (const auto until = Clock::now() + 20s; Clock::now() < until && core_time() < enough;) {
    }
    EXPECT_GE(core_time(), enough);
}

}  // namespace
}  // namespace stepcast::aio
