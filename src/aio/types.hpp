#pragma once
// The one place that names asio's core types; include this, not <asio.hpp>.
#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/strand.hpp>

namespace stepcast::aio {

template <class T = void>
using awaitable = asio::awaitable<T>;

/// Serial executor: everything stateful lives on exactly one.
using Strand = asio::strand<asio::io_context::executor_type>;

}  // namespace stepcast::aio
