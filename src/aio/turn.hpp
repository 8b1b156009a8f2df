#pragma once
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include "aio/types.hpp"

namespace stepcast::aio {

/// Lets what else is ready on the caller's strand run first: between the slices of a long piece of work.
inline awaitable<void> next_turn() {
    return asio::post(asio::use_awaitable);
}

}  // namespace stepcast::aio
