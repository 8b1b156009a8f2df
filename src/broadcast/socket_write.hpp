#pragma once
#include <sys/types.h>
#include <sys/uio.h>

#include <span>

namespace stepcast::broadcast {

/// Sends what a non-blocking write takes: one `send`, or one `sendmsg` for many parts (at most IOV_MAX).
/// Bytes taken; 0 if the socket is full, -1 if it is gone. Any thread, never blocks.
ssize_t send_some(int fd, std::span<iovec> parts);

}  // namespace stepcast::broadcast
