#include "bus/promise.hpp"

#include <asio/post.hpp>

#include "aio/as_tuple.hpp"

namespace stepcast::bus {

void Promise::wake() {
    asio::post(timer_.get_executor(), [self = shared_from_this()] {
        self->answered_ = true;
        self->timer_.cancel();
    });
}

void Promise::answer(std::size_t n) {
    if (n != 0 && open_.fetch_sub(n, std::memory_order_acq_rel) == n && end()) wake();
}

void Promise::refuse(Error why) {
    if (!refused_.exchange(true, std::memory_order_relaxed)) refusal_ = std::move(why);
    answer();
}

bool Promise::refuse_last(const Error& why) {
    if (open_.load(std::memory_order_acquire) != 1 || !end()) return false;
    if (!refused_.exchange(true, std::memory_order_relaxed)) refusal_ = why;
    wake();
    return true;
}

awaitable<std::optional<Error>> Promise::wait(std::chrono::steady_clock::duration limit) {
    const auto self = shared_from_this();
    auto deadline = std::chrono::steady_clock::now() + limit;
    while (!answered_) {
        if (std::chrono::steady_clock::now() >= deadline) {
            if (end()) co_return Error{errc::unavailable};
            deadline = std::chrono::steady_clock::time_point::max();  // the wake-up is on its way
        }
        timer_.expires_at(deadline);
        co_await timer_.async_wait(aio::as_tuple);
    }
    co_return std::move(refusal_);
}

}  // namespace stepcast::bus
