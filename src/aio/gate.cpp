#include "aio/gate.hpp"

namespace stepcast::aio {

awaitable<bool> Gate::close(std::chrono::steady_clock::duration limit) {
    closed_ = true;
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (count_ != 0) {
        const auto left = deadline - std::chrono::steady_clock::now();
        if (left <= left.zero()) co_return false;
        co_await left_.wait(left);
    }
    co_return true;
}

}  // namespace stepcast::aio
