#include "aio/transport.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <asio/bind_executor.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <cstring>

#include "aio/address.hpp"
#include "aio/as_tuple.hpp"
#include "aio/notice.hpp"
#include "aio/spawn.hpp"
#include "aio/system_call.hpp"
#include "aio/tls.hpp"

namespace stepcast::aio {
namespace {

// The kernel takes 30 ns for each part that it gathers, and 120 for being asked to: of few bytes a copy on
// the stack is cheaper (measured over loopback: 1.30 µs in place of 1.45 for a frame as a chunk, 1.55 in
// place of 1.98 for 16).
constexpr std::size_t copied_bytes = 4096;
constexpr int unsent_bytes = 16 * 1024;
// What the kernel would do for as long as the peer is there.
constexpr std::chrono::seconds longest_delivery{2};

void set_tcp(int fd, int option, int value) {
    ::setsockopt(fd, IPPROTO_TCP, option, &value, sizeof value);
}

ssize_t send_parts(int fd, std::span<const iovec> parts) {
    constexpr int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    if (parts.size() == 1) return ::send(fd, parts[0].iov_base, parts[0].iov_len, flags);
    std::size_t size = 0;
    for (const auto& part : parts) size += part.iov_len;
    if (size > copied_bytes) {
        msghdr message{};
        message.msg_iov = const_cast<iovec*>(parts.data());
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

ssize_t receive_some(int fd, std::span<char> room, int flags, bool* ended = nullptr) {
    const ssize_t size =
        uninterrupted([&] { return ::recv(fd, room.data(), room.size(), MSG_DONTWAIT | flags); });
    if (size > 0) return size;
    if (ended != nullptr) *ended = size == 0;
    return size < 0 && would_block() ? 0 : -1;
}

// Ciphertext that a transport which is gone has still to deliver.
template <class Socket>
awaitable<void> deliver_rest(Socket& socket, TlsStream& tls) {
    using namespace asio::experimental::awaitable_operators;
    const auto end = std::chrono::steady_clock::now() + longest_delivery;
    while (tls.deliver() && tls.holds_back()) {
        const auto left = end - std::chrono::steady_clock::now();
        if (left <= left.zero()) co_return;
        co_await (socket.async_wait(Transport::writable, as_tuple) || pause(left));
    }
}

}  // namespace

/// Outlives its transport while something waits for the socket.
struct Transport::Tls : TlsStream {
    using TlsStream::TlsStream;
    Transport* owner = nullptr;
    bool waits = false;  // to deliver what is held back
    bool aborted = false;
};

Transport::Transport(Transport&& other) noexcept
    : seat_{std::move(other.seat_)},
      socket_{std::move(other.socket_)},
      descriptor_{other.descriptor_},
      kind_{other.kind_},
      ended_{other.ended_},
      tls_{std::move(other.tls_)} {
    if (tls_) tls_->owner = this;
}

Transport::~Transport() {
    if (seat_) {
        seat_ = {};
        ::close(descriptor_);
    }
    if (!tls_) return;
    tls_->owner = nullptr;
    if (tls_->aborted) return;
    tls_->finish();
    if (!tls_->holds_back()) return;
    spawn(socket_.get_executor(), "end of a TLS stream",
          [socket = std::move(socket_), tls = std::move(tls_)]() mutable {
              return deliver_rest(socket, *tls);
          });
}

void Transport::sit_in(Readiness& readiness) {
    if (tls_ || seat_) return;
    Readiness::Seat seat{readiness, descriptor_};
    if (!seat) return;  // it can wait by itself
    asio::error_code error;
    socket_.release(error);
    if (!error) seat_ = std::move(seat);
}

void Transport::start_wait(Wait what, Waiter waiter) {
    const auto resume = [&] {
        const auto executor = waiter.get_executor();
        return asio::bind_executor(executor, [waiter = std::move(waiter)](std::error_code error) mutable {
            std::move(waiter)(Waited{error});
        });
    };
    if (!seat_)
        socket_.async_wait(what, resume());
    else if (what == readable)
        seat_.wait_readable(std::move(waiter));
    else
        seat_.wait_writable(resume());
}

void Transport::adopt(std::shared_ptr<Tls> tls) {
    tls_ = std::move(tls);
    tls_->owner = this;
}

void Transport::secure(const TlsCertificate& certificate, std::shared_ptr<Budget> pieces) {
    adopt(std::make_shared<Tls>(certificate, descriptor_, std::move(pieces)));
}

void Transport::secure(const TlsTrust& trust, const std::string& host) {
    adopt(std::make_shared<Tls>(trust, host, descriptor_));
}

std::string Transport::failure() const {
    return tls_->failure();
}

int Transport::open() {
    if (!tls_) return 1;
    const int done = tls_->open();
    deliver();
    return done;
}

bool Transport::is_open() const {
    return !tls_ || tls_->is_open();
}

// What is held back goes out as soon as the socket takes it, whoever else waits for what.
void Transport::deliver() {
    if (!tls_->holds_back() || tls_->waits) return;
    tls_->waits = true;
    when_writable([tls = tls_](std::error_code) {
        tls->waits = false;
        // Cancelled as well: the owner may send no more, but what it sent counts as sent.
        if (tls->owner != nullptr && tls->deliver()) tls->owner->deliver();
    });
}

// One record for what fits, so that a flush of many frames is encrypted, and sent, once. Not inlined: the
// room for a record would stand in the frame of every plain send.
[[gnu::noinline]] ssize_t Transport::send_encrypted(std::span<const iovec> parts) {
    std::array<char, TlsStream::record_bytes> record;
    ssize_t taken = 0;
    auto part = parts.begin();
    std::size_t copied = 0;  // of that part
    while (part != parts.end()) {
        std::size_t size = 0;
        while (part != parts.end() && size < record.size()) {
            const std::size_t some = std::min(part->iov_len - copied, record.size() - size);
            std::memcpy(record.data() + size, static_cast<const char*>(part->iov_base) + copied, some);
            size += some;
            copied += some;
            if (copied == part->iov_len) ++part, copied = 0;
        }
        if (size == 0) break;
        const ssize_t sent = tls_->send({record.data(), size});
        if (sent < 0) return -1;
        taken += sent;
        if (static_cast<std::size_t>(sent) < size) break;
    }
    deliver();
    return taken;
}

Transport::Transport(Tcp socket) : Transport{Socket{std::move(socket)}, Kind::tcp} {
    set_tcp(descriptor_, TCP_NODELAY, 1);
}

Transport::Transport(Local socket) : Transport{Socket{std::move(socket)}, Kind::local} {}

Transport::Transport(Socket socket, Kind kind)
    : socket_{std::move(socket)}, descriptor_{socket_.native_handle()}, kind_{kind} {
    asio::error_code ignored;
    socket_.non_blocking(true, ignored);
}

ssize_t Transport::send(std::span<const iovec> parts) {
    if (tls_) return send_encrypted(parts);
    const ssize_t sent = uninterrupted([&] { return send_parts(descriptor_, parts); });
    return sent < 0 && would_block() ? 0 : sent;
}

ssize_t Transport::send(std::string_view text) {
    const iovec part{const_cast<char*>(text.data()), text.size()};
    return send({&part, 1});
}

ssize_t Transport::receive(std::span<char> room) {
    if (tls_) {
        const ssize_t size = tls_->receive(room);
        ended_ = tls_->ended();
        deliver();
        return size;
    }
    const ssize_t size = receive_some(descriptor_, room, 0, &ended_);
    // TCP gives all that it has. A local socket also keeps apart what came with descriptors.
    const auto short_of = kind_ == Kind::tcp ? static_cast<ssize_t>(room.size()) : 1;
    if (seat_ && size < short_of) seat_.drained();
    return size;
}

ssize_t Transport::peek(std::span<char> room) {
    return receive_some(descriptor_, room, MSG_PEEK);
}

void Transport::skip(std::size_t bytes) {
    std::array<char, 512> room;
    while (bytes > 0) {
        const ssize_t size =
            receive_some(descriptor_, std::span{room}.first(std::min(bytes, room.size())), 0);
        if (size <= 0) return;
        bytes -= static_cast<std::size_t>(size);
    }
}

bool Transport::has_input() const {
    char byte;
    return ::recv(descriptor_, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 1;
}

void Transport::cancel() {
    if (seat_) return seat_.cancel();
    asio::error_code ignored;
    socket_.cancel(ignored);
}

void Transport::finish() {
    if (tls_) {
        tls_->finish();
        deliver();
        if (tls_->holds_back()) return;  // the peer knows it by what is still to be delivered
    }
    ::shutdown(descriptor_, SHUT_WR);
}

void Transport::abort() {
    if (tls_) tls_->aborted = true;
    const linger reset{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

void Transport::bound_unsent() {
    if (kind_ == Kind::tcp) set_tcp(descriptor_, TCP_NOTSENT_LOWAT, unsent_bytes);
}

void Transport::bound_silence(std::chrono::milliseconds limit) {
    if (kind_ == Kind::tcp) set_tcp(descriptor_, TCP_USER_TIMEOUT, static_cast<int>(limit.count()));
}

std::optional<asio::ip::address> Transport::peer_address() const {
    if (kind_ == Kind::local) return std::nullopt;
    asio::ip::tcp::endpoint peer;
    auto size = static_cast<socklen_t>(peer.capacity());
    if (::getpeername(descriptor_, peer.data(), &size) != 0) return std::nullopt;
    peer.resize(size);
    return unmapped(peer.address());
}

}  // namespace stepcast::aio
