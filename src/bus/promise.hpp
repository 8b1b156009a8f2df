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

    /// Expects further answers. Before the last one came.
    void expect(std::size_t n) { open_.fetch_add(n, std::memory_order_relaxed); }
    /// Counts `n` answers; the last one wakes the waiter.
    void answer(std::size_t n = 1);
    /// Counts one answer that is a refusal. The first refusal is the one that is told.
    void refuse(Error why);
    /// The same in place of the last answer. False, and nothing is counted, if other answers are open or
    /// nobody waits any more.
    bool refuse_last(const Error& why);

    /// Waits for all answers, at most `limit`. Nothing, or the first refusal; `unavailable` after `limit`,
    /// when answers may still come but nobody listens.
    awaitable<std::optional<Error>> wait(std::chrono::steady_clock::duration limit);

  private:
    bool end() { return !ended_.exchange(true, std::memory_order_acq_rel); }
    void wake();

    asio::steady_timer timer_;
    std::atomic<std::size_t> open_;
    std::atomic<bool> refused_{false};
    std::atomic<bool> ended_{false};  // by the last answer or the limit, whichever was first
    std::optional<Error> refusal_;    // written by who set refused_, read once ended_
    bool answered_ = false;           // on the waiter's executor only
};

}  // namespace stepcast::bus
