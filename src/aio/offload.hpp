#pragma once
#include <asio/async_result.hpp>
#include <asio/post.hpp>
#include <asio/thread_pool.hpp>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>

#include "aio/spawn.hpp"

namespace stepcast::aio {

/// Runs blocking `work()` on `pool` and resumes the caller on its own strand with the result. `work` must not
/// touch anything that belongs to a strand.
template <class Work>
awaitable<std::invoke_result_t<Work&>> offload(asio::thread_pool& pool, Work work) {
    using Value = std::invoke_result_t<Work&>;
    return run_on(pool.get_executor(),
                  [work = std::move(work)]() mutable -> awaitable<Value> { co_return work(); });
}

/// Offloads one piece of work at a time, for who gives the next piece as soon as one is done. Whoever has a
/// turn of the caller's strand and calls `look` resumes the caller; else it has a turn of its own, for which
/// the pool would do nothing behind a long queue of turns.
class Offloader {
  public:
    Offloader(Strand strand, asio::thread_pool& pool) : strand_{std::move(strand)}, pool_{pool} {}

    /// As `offload`. On the strand; not before the last piece is done.
    template <class Work>
    awaitable<std::invoke_result_t<Work&>> run(Work work) {
        std::optional<std::invoke_result_t<Work&>> outcome;
        const auto begin = [&](auto handler) {
            running_ = std::make_shared<Running>();
            running_->resume = [to = std::make_shared<decltype(handler)>(std::move(handler))] {
                std::move (*to)();
            };
            asio::post(pool_, [&, running = running_, strand = strand_] {
                outcome.emplace(work());
                running->done.store(true, std::memory_order_release);
                asio::post(strand, [running] { running->look(); });
            });
        };
        co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(begin, asio::use_awaitable);
        co_return std::move(*outcome);
    }

    /// Resumes the caller of `run` within this call if its work is done. On the strand.
    void look() {
        if (const auto running = running_) running->look();
    }

  private:
    struct Running {
        std::atomic<bool> done{false};
        std::function<void()> resume;

        void look() {
            if (!done.load(std::memory_order_acquire)) return;
            if (const auto go_on = std::exchange(resume, {})) go_on();
        }
    };

    const Strand strand_;
    asio::thread_pool& pool_;
    std::shared_ptr<Running> running_;
};

}  // namespace stepcast::aio
