#include "bus/promise.hpp"

#include <asio/experimental/as_tuple.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

namespace stepcast::bus {

void Promise::answer(std::size_t n) {
    if (n == 0 || open_.fetch_sub(n, std::memory_order_acq_rel) != n) return;
    asio::post(timer_.get_executor(), [self = shared_from_this()] {
        self->answered_ = true;
        self->timer_.cancel();
    });
}

void Promise::refuse(errc why) {
    int none = 0;
    refusal_.compare_exchange_strong(none, static_cast<int>(why), std::memory_order_relaxed);
    answer();
}

awaitable<std::optional<errc>> Promise::wait(std::chrono::steady_clock::duration limit) {
    const auto self = shared_from_this();
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!answered_) {
        if (std::chrono::steady_clock::now() >= deadline) co_return errc::unavailable;
        timer_.expires_at(deadline);
        co_await timer_.async_wait(asio::experimental::as_tuple(asio::use_awaitable));
    }
    const int refusal = refusal_.load(std::memory_order_relaxed);
    if (refusal == 0) co_return std::nullopt;
    co_return static_cast<errc>(refusal);
}

}  // namespace stepcast::bus
