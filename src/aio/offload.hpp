#pragma once
#include <asio/thread_pool.hpp>
#include <type_traits>

#include "aio/spawn.hpp"

namespace stepcast::aio {

/// Runs blocking `work()` on `pool` and resumes the caller on its own strand with the result. `work` must not
/// touch anything that belongs to a strand.
template <class Work>
awaitable<std::invoke_result_t<Work&>> offload(asio::thread_pool& pool, Work work) {
    using Value = std::invoke_result_t<Work&>;
    return run_on(pool.get_executor(),
                  [work = std::move(work)]() mutable -> awaitable<Value> { co_return work(); });
}

}  // namespace stepcast::aio
