#pragma once
#include <asio/experimental/awaitable_operators.hpp>
#include <chrono>
#include <optional>
#include <utility>

#include "aio/stop.hpp"

namespace stepcast::aio {

/// What `work` comes to, or nothing if the stop came first: then the work is cancelled, and waited for until
/// it lets go. For work that does not throw, by a caller that runs on a strand. Costs two coroutines.
template <class T>
awaitable<std::optional<T>> unless(Stop& stop, awaitable<T> work) {
    using namespace asio::experimental::awaitable_operators;
    auto first = co_await (std::move(work) || stop.pause(std::chrono::hours{24 * 365}));
    if (first.index() == 0) co_return std::move(std::get<0>(first));
    co_return std::nullopt;
}

}  // namespace stepcast::aio
