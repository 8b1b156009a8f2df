#pragma once
#include <sys/types.h>
#include <sys/uio.h>

#include <asio/basic_stream_socket.hpp>
#include <asio/generic/stream_protocol.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "aio/readiness.hpp"
#include "aio/types.hpp"
#include "base/budget.hpp"

namespace stepcast::aio {

class TlsCertificate;
class TlsTrust;

/// A connected, non-blocking stream of bytes. A value: closing is its destruction. Bytes that it took are
/// sent as far as the peer takes them. One strand, that of its executor.
class Transport {
  public:
    enum class Kind : std::uint8_t { tcp, local };
    using Tcp = asio::basic_stream_socket<asio::ip::tcp, asio::any_io_executor>;
    using Local = asio::basic_stream_socket<asio::local::stream_protocol, asio::any_io_executor>;

    /// Of a connected socket. An error of its options is ignored: it means that the peer is gone, which the
    /// first read tells.
    explicit Transport(Tcp socket);
    explicit Transport(Local socket);
    Transport(Transport&& other) noexcept;
    Transport& operator=(Transport&&) = delete;
    ~Transport();

    /// Speaks TLS from here on, as the server: nothing has been sent or received yet. Bytes can be sent once
    /// the handshake is over. `pieces`: as in TlsStream.
    void secure(const TlsCertificate& certificate, std::shared_ptr<Budget> pieces = nullptr);
    /// The same as a client of `host`: the first step of `open` is to be made at once.
    void secure(const TlsTrust& trust, const std::string& host);
    bool is_secure() const { return tls_ != nullptr; }
    /// A step of what comes before the first byte, to be made when there is something to read. 1: it is over,
    /// which a plain one always is; 0: it waits for the peer; -1: it failed.
    int open();
    bool is_open() const;
    /// Of a client: why `open` has failed, for people.
    std::string failure() const;

    /// Sends what is taken without waiting, at most IOV_MAX parts. Bytes taken; 0 if it is full; -1 if the
    /// peer is gone.
    ssize_t send(std::span<const iovec> parts);
    ssize_t send(std::string_view text);
    /// Reads what is there, into room for at least a byte. Bytes; 0 if there is nothing now; -1 if nothing
    /// will come any more.
    ssize_t receive(std::span<char> room);
    /// After a receive of -1: the peer meant the end, and was not cut.
    bool ended() const { return ended_; }
    /// Bytes can be received without waiting; false of the end.
    bool has_input() const;

    /// Reads what comes before TLS, if anything does, and leaves it where it is; as `receive`.
    ssize_t peek(std::span<char> room);
    /// Takes away bytes that were peeked at.
    void skip(std::size_t bytes);

    /// From here on it waits with others of its strand, on which this is called, for many requests at less
    /// cost each. Nothing waits yet. Without effect by TLS, which may leave input in the socket that it has
    /// been told of.
    void sit_in(Readiness& readiness);

    using Wait = asio::socket_base::wait_type;
    static constexpr Wait readable = asio::socket_base::wait_read;
    static constexpr Wait writable = asio::socket_base::wait_write;
    /// `co_await`ed, waits until bytes can be received or are taken: `const auto [error] = …`. Ends early by
    /// `cancel` only. Costs no coroutine of its own, because every idle stream stands in here.
    auto wait(Wait what) {
        return asio::async_initiate<const asio::use_awaitable_t<>, void(Waited)>(
            [this, what](auto waiter) { start_wait(what, std::move(waiter)); }, asio::use_awaitable);
    }
    /// The same with a completion token of the caller's, of one that does not sit with others.
    template <class Token>
    auto wait(Wait what, Token token) {
        return socket_.async_wait(what, std::move(token));
    }
    /// Calls `handler(std::error_code)` on its strand once bytes are taken again.
    template <class Handler>
    void when_writable(Handler handler) {
        if (seat_)
            seat_.wait_writable(std::move(handler));
        else
            socket_.async_wait(writable, std::move(handler));
    }
    /// Ends every wait with `operation_aborted`.
    void cancel();

    /// Nothing more will be sent, and the peer is told so; receiving goes on.
    void finish();
    /// Makes the close that follows a reset: nobody takes what came before for a whole answer, and the kernel
    /// forgets what was not read.
    void abort();

    /// The kernel keeps no more than 16 KiB that it has not sent yet. Without it, it takes megabytes for a
    /// peer that reads nothing, before anybody here sees any of it. Nothing on a local socket, whose buffer
    /// is small.
    void bound_unsent();
    /// A peer that acknowledges nothing for so long is gone; left to the kernel, that takes a quarter of an
    /// hour.
    void bound_silence(std::chrono::milliseconds limit);

    /// It is a local socket.
    bool is_local() const { return kind_ == Kind::local; }
    /// The peer's address, one of IPv4 that came by IPv6 as such; none of a local socket, and of who is gone.
    std::optional<asio::ip::address> peer_address() const;

  private:
    using Socket = asio::basic_stream_socket<asio::generic::stream_protocol, asio::any_io_executor>;

    Transport(Socket socket, Kind kind);
    void start_wait(Wait what, Waiter waiter);
    ssize_t send_encrypted(std::span<const iovec> parts);
    void deliver();

    struct Tls;
    void adopt(std::shared_ptr<Tls> tls);

    Readiness::Seat seat_;
    Socket socket_;  // closed while there is a seat
    // From here on it is what a delivery reads of this.
    int descriptor_;
    Kind kind_;
    bool ended_ = false;
    std::shared_ptr<Tls> tls_;  // null without TLS
};

}  // namespace stepcast::aio
