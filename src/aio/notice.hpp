#pragma once
#include <asio/steady_timer.hpp>
#include <chrono>

#include "aio/types.hpp"

namespace stepcast::aio {

/// A latching wake-up for one waiting coroutine: a notice that comes before the wait is not lost (a bare
/// timer used as a condition variable loses it). All calls on the strand it was made with, or on the one that
/// `executor` stands for.
class Notice {
  public:
    explicit Notice(const asio::any_io_executor& executor) : timer_{executor} {}

    /// Wakes the waiter, or lets the next wait return at once.
    void notify() {
        pending_ = true;
        timer_.cancel();
    }

    /// Waits for a notice, at most `limit`. True if there was one. Never throws; a cancelled wait returns
    /// false.
    awaitable<bool> wait(std::chrono::steady_clock::duration limit);
    awaitable<bool> wait() { return wait(std::chrono::hours{24 * 365}); }

  private:
    asio::steady_timer timer_;
    bool pending_ = false;
};

/// Pauses the coroutine. False if it was cancelled. Never throws.
awaitable<bool> pause(std::chrono::steady_clock::duration d);

}  // namespace stepcast::aio
