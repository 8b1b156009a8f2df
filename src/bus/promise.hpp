#pragma once
#include <asio/steady_timer.hpp>
#include <atomic>
#include <memory>

#include "bus/bus.hpp"

namespace stepcast::bus {

/// What one call of `produce` waits for: a number of answers about its records, which may come on any thread.
class Promise : public std::enable_shared_from_this<Promise> {
  public:
    /// `waiter`: the executor of the coroutine that will wait. `answers`: how many will come, at least one.
    Promise(const asio::any_io_executor& waiter, std::size_t answers) : timer_{waiter}, open_{answers} {}

    /// Counts `n` answers; the last one wakes the waiter.
    void answer(std::size_t n = 1);
    /// Counts one answer that is a refusal. The first refusal is the one that is told.
    void refuse(errc why);

    /// Waits for all answers, at most `limit`. Nothing, or the first refusal; `unavailable` after `limit`,
    /// when answers may still come but nobody listens.
    awaitable<std::optional<errc>> wait(std::chrono::steady_clock::duration limit);

  private:
    asio::steady_timer timer_;
    std::atomic<std::size_t> open_;
    std::atomic<int> refusal_{0};
    bool answered_ = false;  // on the waiter's executor only
};

}  // namespace stepcast::bus
