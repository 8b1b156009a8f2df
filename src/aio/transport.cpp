#include "aio/transport.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <asio/ip/address.hpp>
#include <cerrno>
#include <cstring>

namespace stepcast::aio {
namespace {

// The kernel takes 30 ns for each part that it gathers, and 120 for being asked to: of few bytes a copy on
// the stack is cheaper (measured over loopback: 1.30 µs in place of 1.45 for a frame as a chunk, 1.55 in
// place of 1.98 for 16).
constexpr std::size_t copied_bytes = 4096;
constexpr int unsent_bytes = 16 * 1024;

void set_tcp(int fd, int option, int value) {
    ::setsockopt(fd, IPPROTO_TCP, option, &value, sizeof value);
}

bool would_block() {
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

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

Transport::Transport(Tcp socket) : Transport{Socket{std::move(socket)}, Kind::tcp} {
    set_tcp(descriptor_, TCP_NODELAY, 1);
}

Transport::Transport(Local socket) : Transport{Socket{std::move(socket)}, Kind::local} {}

Transport::Transport(Socket socket, Kind kind)
    : socket_{std::move(socket)}, descriptor_{socket_.native_handle()}, kind_{kind} {
    asio::error_code ignored;
    socket_.non_blocking(true, ignored);
}

ssize_t Transport::send(std::span<iovec> parts) {
    ssize_t sent;
    do sent = send_parts(descriptor_, parts);
    while (sent < 0 && errno == EINTR);
    return sent < 0 && would_block() ? 0 : sent;
}

ssize_t Transport::send(std::string_view text) {
    iovec part{const_cast<char*>(text.data()), text.size()};
    return send({&part, 1});
}

ssize_t Transport::receive(std::span<char> room) {
    ssize_t size;
    do size = ::recv(descriptor_, room.data(), room.size(), MSG_DONTWAIT);
    while (size < 0 && errno == EINTR);
    if (size > 0) return size;
    return size < 0 && would_block() ? 0 : -1;
}

bool Transport::has_input() const {
    char byte;
    return ::recv(descriptor_, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 1;
}

void Transport::cancel() {
    asio::error_code ignored;
    socket_.cancel(ignored);
}

void Transport::finish() {
    ::shutdown(descriptor_, SHUT_WR);
}

void Transport::abort() {
    const linger reset{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

void Transport::bound_unsent() {
    if (kind_ == Kind::tcp) set_tcp(descriptor_, TCP_NOTSENT_LOWAT, unsent_bytes);
}

void Transport::bound_silence(std::chrono::milliseconds limit) {
    if (kind_ == Kind::tcp) set_tcp(descriptor_, TCP_USER_TIMEOUT, static_cast<int>(limit.count()));
}

bool Transport::is_loopback() const {
    if (kind_ == Kind::local) return true;
    asio::ip::tcp::endpoint peer;
    auto size = static_cast<socklen_t>(peer.capacity());
    if (::getpeername(descriptor_, peer.data(), &size) != 0) return false;
    peer.resize(size);
    const auto address = peer.address();
    const bool mapped = address.is_v6() && address.to_v6().is_v4_mapped();
    return mapped ? asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).is_loopback()
                  : address.is_loopback();
}

}  // namespace stepcast::aio
