#pragma once
#include <asio/bind_executor.hpp>
#include <asio/co_spawn.hpp>
#include <asio/use_awaitable.hpp>
#include <exception>
#include <string_view>
#include <utility>

#include "aio/types.hpp"

namespace stepcast::aio {

/// Logs the exception that ended a coroutine, under its name; says nothing of cancellation.
void log_failure(std::string_view name, std::exception_ptr failure) noexcept;

/// Logs the exception that ended a coroutine and ends the process at once with code 1. Returns if there is
/// none, or if it is only that of a cancellation.
void fail_critical(std::string_view name, std::exception_ptr failure) noexcept;

/// Ends the process at once, but for the log: that is worth up to a second, because the asynchronous logger
/// writes on a thread of its own.
[[noreturn]] void leave(int code) noexcept;

/// Starts a coroutine that nobody waits for. `make` is a callable that returns the awaitable; it is kept
/// alive until the coroutine ends, so its captures may be used throughout. `name` is a literal, for the log.
template <class Executor, class Make>
void spawn(const Executor& executor, std::string_view name, Make make) {
    asio::co_spawn(executor, std::move(make),
                   [name](std::exception_ptr failure) { log_failure(name, failure); });
}

/// As `spawn`, for a coroutine without which the process only seems to work: if an exception ends it, the
/// process ends with code 1, for its supervisor to start it again.
template <class Executor, class Make>
void spawn_critical(const Executor& executor, std::string_view name, Make make) {
    asio::co_spawn(executor, std::move(make),
                   [name](std::exception_ptr failure) { fail_critical(name, failure); });
}

/// Runs `make()` on `executor` (a strand), and resumes the caller where it was. Costs two posts and one
/// allocation: use it once per request or batch, not per event. `make` is kept alive until its coroutine
/// ends.
template <class Executor, class Make>
auto run_on(const Executor& executor, Make make) {
    return asio::co_spawn(executor, std::move(make), asio::use_awaitable);
}

}  // namespace stepcast::aio
