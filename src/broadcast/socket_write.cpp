#include "broadcast/socket_write.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace stepcast::broadcast {

ssize_t send_some(int fd, std::span<iovec> parts) {
    ssize_t sent;
    do {
        if (parts.size() == 1) {
            sent = ::send(fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
        } else {
            msghdr message{};
            message.msg_iov = parts.data();
            message.msg_iovlen = parts.size();
            sent = ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        }
    } while (sent < 0 && errno == EINTR);
    return sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : sent;
}

}  // namespace stepcast::broadcast
