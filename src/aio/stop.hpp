#pragma once
#include <atomic>
#include <chrono>
#include <list>
#include <memory>
#include <mutex>

#include "aio/notice.hpp"
#include "aio/types.hpp"

namespace stepcast::aio {

/// Tells any number of coroutines that it is time to stop, and cuts the pauses that they make here. It is
/// raised once and stays so. Thread-safe.
class Stop {
  public:
    void raise();
    bool raised() const { return raised_.load(std::memory_order_acquire); }

    /// Pauses the caller, which runs on a strand. False if the stop came, or the caller was cancelled, before
    /// `limit` was over. The stop outlives the pause.
    awaitable<bool> pause(std::chrono::steady_clock::duration limit);

  private:
    struct Waiter {
        explicit Waiter(const asio::any_io_executor& its) : executor{its}, notice{its} {}
        asio::any_io_executor executor;
        Notice notice;
    };
    class Waiting;

    std::atomic<bool> raised_{false};
    std::mutex mutex_;
    std::list<std::shared_ptr<Waiter>> waiters_;
};

}  // namespace stepcast::aio
