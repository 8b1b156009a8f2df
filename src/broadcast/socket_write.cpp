#include "broadcast/socket_write.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace stepcast::broadcast {
namespace {

// The kernel takes 30 ns for each part that it gathers, and 120 for being asked to: of few bytes a copy on
// the stack is cheaper (measured over loopback: 1.30 µs in place of 1.45 for a frame as a chunk, 1.55 in
// place of 1.98 for 16).
constexpr std::size_t copied_bytes = 4096;

ssize_t send_parts(int fd, std::span<iovec> parts) {
    constexpr int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    if (parts.size() == 1) return ::send(fd, parts[0].iov_base, parts[0].iov_len, flags);
    std::size_t size = 0;
    for (const auto& part : parts) size += part.iov_len;
    if (size > copied_bytes) {
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = parts.size();
        return ::sendmsg(fd, &message, flags);
    }
    std::array<char, copied_bytes> whole;
    char* end = whole.data();
    for (const auto& part : parts) {
        std::memcpy(end, part.iov_base, part.iov_len);
        end += part.iov_len;
    }
    return ::send(fd, whole.data(), size, flags);
}

}  // namespace

ssize_t send_some(int fd, std::span<iovec> parts) {
    ssize_t sent;
    do sent = send_parts(fd, parts);
    while (sent < 0 && errno == EINTR);
    return sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : sent;
}

}  // namespace stepcast::broadcast
