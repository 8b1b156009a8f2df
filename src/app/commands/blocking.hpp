#pragma once
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <exception>
#include <optional>

#include "aio/types.hpp"

namespace stepcast::app {

/// Runs `make()` on `io` until it ends and returns what it gave: the main function of the commands that are
/// clients.
template <class Value, class Make>
Value run_blocking(asio::io_context& io, Make make) {
    std::optional<Value> value;
    std::exception_ptr death;
    asio::co_spawn(io, std::move(make), [&](std::exception_ptr failure, Value result) {
        death = failure;
        value = std::move(result);
        io.stop();
    });
    io.run();
    if (death) std::rethrow_exception(death);
    return std::move(*value);
}

}  // namespace stepcast::app
