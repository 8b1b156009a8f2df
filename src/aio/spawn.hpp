#pragma once
#include <asio/bind_executor.hpp>
#include <asio/co_spawn.hpp>
#include <asio/use_awaitable.hpp>
#include <exception>
#include <string_view>
#include <utility>

#include "aio/types.hpp"

namespace stepcast::aio {

/// Logs what a coroutine died of, under its name; says nothing of cancellation.
void log_death(std::string_view name, std::exception_ptr death) noexcept;

/// Logs what a coroutine died of and ends the process at once with code 1. Returns if it died of nothing, or
/// of its cancellation.
void end_of_vital(std::string_view name, std::exception_ptr death) noexcept;

/// Ends the process at once, but for the log: that is worth up to a second, because the asynchronous logger
/// writes on a thread of its own.
[[noreturn]] void leave(int code) noexcept;

/// Starts a coroutine that nobody waits for. `make` is a callable that returns the awaitable; it is kept
/// alive until the coroutine ends, so its captures may be used throughout. `name` is a literal, for the log.
template <class Executor, class Make>
void spawn(const Executor& executor, std::string_view name, Make make) {
    asio::co_spawn(executor, std::move(make), [name](std::exception_ptr death) { log_death(name, death); });
}

/// As `spawn`, for a coroutine without which the process only seems to work: if it dies of an exception, the
/// process ends with code 1, for its supervisor to start it again.
template <class Executor, class Make>
void spawn_vital(const Executor& executor, std::string_view name, Make make) {
    asio::co_spawn(executor, std::move(make),
                   [name](std::exception_ptr death) { end_of_vital(name, death); });
}

/// Runs `make()` on `executor` (a strand), and resumes the caller where it was. Costs two posts and one
/// allocation: use it once per request or batch, not per event. `make` is kept alive until its coroutine
/// ends.
template <class Executor, class Make>
auto run_on(const Executor& executor, Make make) {
    return asio::co_spawn(executor, std::move(make), asio::use_awaitable);
}

}  // namespace stepcast::aio
