#pragma once
#include <cerrno>
#include <type_traits>

namespace stepcast::aio {

/// What the system answers to `call`, which is made again when a signal interrupts it.
template <class Call>
std::invoke_result_t<Call&> uninterrupted(Call call) {
    std::invoke_result_t<Call&> done;
    do done = call();
    while (done < 0 && errno == EINTR);
    return done;
}

/// Whether the call that has just failed would have had to wait.
inline bool would_block() {
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

}  // namespace stepcast::aio
