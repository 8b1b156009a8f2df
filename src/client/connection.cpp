#include "client/connection.hpp"

#include <asio/connect.hpp>
#include <asio/experimental/parallel_group.hpp>
#include <asio/use_awaitable.hpp>

#include "client/errc.hpp"

namespace stepcast::client {
namespace {

using asio::experimental::make_parallel_group;
using asio::experimental::wait_for_one;

constexpr std::size_t read_size = 64 * 1024;

}  // namespace

aio::awaitable<result<void>> Connection::open(const Url& url, Limit limit) {
    close();
    const auto end = std::chrono::steady_clock::now() + limit;
    auto opened = url.socket.empty() ? co_await connect(url, end) : co_await connect_locally(url);
    if (opened && !url.preamble.empty()) opened = co_await write(url.preamble, limit);
    if (opened && url.secure) opened = co_await secure(url, end);
    if (!opened) close();
    co_return opened;
}

aio::awaitable<result<void>> Connection::connect(const Url& url, Deadline end) {
    auto endpoints = co_await lookup_.find(url.host, url.port, end);
    if (!endpoints) co_return tl::unexpected{endpoints.error()};
    if (allows_ != nullptr) {
        std::erase_if(*endpoints, [this](const auto& endpoint) { return !allows_(endpoint.address()); });
        if (endpoints->empty())
            co_return fail(errc::forbidden, {}, url.host + " has no address that may be connected to");
    }
    timer_.expires_at(end);
    auto [connect_order, error, endpoint, too_late] =
        co_await make_parallel_group(
            [&](auto token) { return asio::async_connect(socket_, *endpoints, std::move(token)); },
            [&](auto token) { return timer_.async_wait(std::move(token)); })
            .async_wait(wait_for_one(), asio::use_awaitable);
    if (connect_order[0] == 1)
        co_return fail(errc::timed_out, {}, url.authority() + " did not accept in time");
    if (error) co_return fail(errc::unreachable, {}, url.authority() + ": " + error.message());
    transport_.emplace(std::move(socket_));
    co_return result<void>{};
}

// The kernel answers at once.
aio::awaitable<result<void>> Connection::connect_locally(const Url& url) {
    aio::Transport::Local socket{timer_.get_executor()};
    std::error_code error;
    socket.connect(asio::local::stream_protocol::endpoint{url.socket}, error);
    if (error) co_return fail(errc::unreachable, {}, url.socket + ": " + error.message());
    transport_.emplace(std::move(socket));
    co_return result<void>{};
}

aio::awaitable<result<void>> Connection::secure(const Url& url, Deadline end) {
    if (!trust_) co_return fail(errc::insecure, {}, url.authority() + ": nobody's certificates are believed");
    transport_->secure(*trust_, url.host);
    for (;;) {
        const int done = transport_->open();
        if (done > 0) co_return result<void>{};
        if (done < 0) co_return fail(errc::insecure, {}, url.authority() + ": " + transport_->failure());
        if (auto waited = co_await wait(aio::Transport::readable, end); !waited)
            co_return fail(waited.error().code, {}, url.authority() + " did not finish the TLS handshake");
    }
}

// Of an open connection. It fails if it is closed meanwhile.
aio::awaitable<result<void>> Connection::wait(aio::Transport::Wait what, Deadline end) {
    timer_.expires_at(end);
    auto [order, error, late] =
        co_await make_parallel_group([&](auto token) { return transport_->wait(what, std::move(token)); },
                                     [&](auto token) { return timer_.async_wait(std::move(token)); })
            .async_wait(wait_for_one(), asio::use_awaitable);
    if (order[0] == 1 && transport_) co_return fail(errc::timed_out);
    if (error || !transport_) co_return fail(errc::cut, {}, "the connection was closed");
    co_return result<void>{};
}

aio::awaitable<result<void>> Connection::write(std::string_view bytes, Limit limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (transport_) {
        const ssize_t taken = transport_->send(bytes);
        if (taken < 0) break;
        bytes.remove_prefix(static_cast<std::size_t>(taken));
        if (bytes.empty()) co_return result<void>{};
        if (taken > 0) continue;
        auto waited = co_await wait(aio::Transport::writable, end);
        if (waited) continue;
        if (waited.error().code != errc::timed_out) co_return waited;
        co_return fail(errc::timed_out, {}, "the server did not take the request in time");
    }
    co_return fail(errc::cut, {}, "the server ended the connection");
}

aio::awaitable<result<std::string_view>> Connection::read(Limit limit) {
    buffer_.resize(read_size);
    const auto end = std::chrono::steady_clock::now() + limit;
    while (transport_) {
        const ssize_t size = transport_->receive(buffer_);
        if (size > 0) co_return std::string_view{buffer_}.substr(0, static_cast<std::size_t>(size));
        if (size < 0 && transport_->ended()) co_return std::string_view{};
        if (size < 0) break;
        const auto waited = co_await wait(aio::Transport::readable, end);
        if (waited) continue;
        if (waited.error().code != errc::timed_out) co_return tl::unexpected{waited.error()};
        co_return fail(errc::timed_out, {}, "the server did not answer in time");
    }
    co_return fail(errc::cut, {}, "the connection was cut");
}

bool Connection::is_stale() {
    char byte = 0;
    return !transport_ || transport_->receive({&byte, 1}) != 0;
}

void Connection::close() {
    std::error_code ignored;
    lookup_.cancel();
    timer_.cancel();
    socket_.close(ignored);
    transport_.reset();
}

}  // namespace stepcast::client
