#pragma once
#include <asio/use_awaitable.hpp>
#if __has_include(<asio/as_tuple.hpp>)
#include <asio/as_tuple.hpp>
#else
#include <asio/experimental/as_tuple.hpp>
#endif

namespace stepcast::aio {

/// For `co_await`: errors come as values, the error code first. Asio took it out of `experimental`
/// after 1.22.
#if __has_include(<asio/as_tuple.hpp>)
inline constexpr auto as_tuple = asio::as_tuple(asio::use_awaitable);
#else
inline constexpr auto as_tuple = asio::experimental::as_tuple(asio::use_awaitable);
#endif

}  // namespace stepcast::aio
