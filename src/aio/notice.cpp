#include "aio/notice.hpp"

#include <asio/this_coro.hpp>
#include <utility>

#include "aio/as_tuple.hpp"

namespace stepcast::aio {

awaitable<bool> Notice::wait(std::chrono::steady_clock::duration limit) {
    if (!pending_) {
        timer_.expires_after(limit);
        co_await timer_.async_wait(as_tuple);
    }
    co_return std::exchange(pending_, false);
}

awaitable<bool> pause(std::chrono::steady_clock::duration d) {
    asio::steady_timer timer{co_await asio::this_coro::executor, d};
    const auto [error] = co_await timer.async_wait(as_tuple);
    co_return !error;
}

}  // namespace stepcast::aio
