#pragma once
#include <asio/io_context.hpp>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace stepcast::aio {

/// How long a thread has been on a core since it began. Any thread may call it while that thread lives.
using CoreTime = std::function<std::chrono::nanoseconds()>;

/// That of the calling thread.
CoreTime core_time_of_this_thread();

/// Threads that help the one that runs an io_context, while that thread has no pause.
///
/// Two threads that both wait for handlers wake each other for many of them: at half of what one thread could
/// do a request costs twice as much. So the first of the reserve joins only when the running thread was on
/// a core for nearly all of `look`, each further one when the one before it was. Each leaves after `stay`, to
/// see whether it is needed still.
class Reserve {
  public:
    struct Pace {
        std::chrono::milliseconds look{250};
        std::chrono::milliseconds stay{10'000};
    };

    /// `size` threads for `io`, which a thread of that core time is about to run.
    Reserve(asio::io_context& io, int size, CoreTime running);
    Reserve(asio::io_context& io, int size, CoreTime running, Pace pace);
    /// `io` is stopped or has no work. Waits for the threads.
    ~Reserve();

  private:
    struct Place {
        CoreTime core_time;
        bool runs = false;
    };

    void hold(std::size_t place);
    bool is_busy(const CoreTime& core_time, std::unique_lock<std::mutex>& lock);

    asio::io_context& io_;
    const Pace pace_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool ended_ = false;
    std::vector<Place> places_;  // the first is that of the thread that runs it always
    std::vector<std::jthread> threads_;
};

}  // namespace stepcast::aio
