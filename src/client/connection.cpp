#include "client/connection.hpp"

#include <asio/buffer.hpp>
#include <asio/connect.hpp>
#include <asio/experimental/parallel_group.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include "base/text.hpp"
#include "client/errc.hpp"

namespace stepcast::client {
namespace {

using asio::experimental::make_parallel_group;
using asio::experimental::wait_for_one;

constexpr std::size_t read_size = 64 * 1024;

}  // namespace

aio::awaitable<result<void>> Connection::open(const Url& url, Limit limit) {
    close();
    std::string port;
    append_number(port, url.port);
    timer_.expires_after(limit);
    auto [order, resolve_error, endpoints, late] =
        co_await make_parallel_group(
            [&](auto token) { return resolver_.async_resolve(url.host, port, std::move(token)); },
            [&](auto token) { return timer_.async_wait(std::move(token)); })
            .async_wait(wait_for_one(), asio::use_awaitable);
    if (order[0] == 1) co_return fail(errc::timed_out, {}, url.host + " could not be resolved in time");
    if (resolve_error) co_return fail(errc::unreachable, {}, url.host + ": " + resolve_error.message());

    auto [connect_order, error, endpoint, too_late] =
        co_await make_parallel_group(
            [&](auto token) { return asio::async_connect(socket_, endpoints, std::move(token)); },
            [&](auto token) { return timer_.async_wait(std::move(token)); })
            .async_wait(wait_for_one(), asio::use_awaitable);
    if (connect_order[0] == 1) {
        close();
        co_return fail(errc::timed_out, {}, url.authority() + " did not accept in time");
    }
    if (error) {
        close();
        co_return fail(errc::unreachable, {}, url.authority() + ": " + error.message());
    }
    std::error_code ignored;
    socket_.set_option(asio::ip::tcp::no_delay{true}, ignored);
    co_return result<void>{};
}

aio::awaitable<result<void>> Connection::write(std::string_view bytes, Limit limit) {
    timer_.expires_after(limit);
    auto [order, error, size, late] =
        co_await make_parallel_group(
            [&](auto token) { return asio::async_write(socket_, asio::buffer(bytes), std::move(token)); },
            [&](auto token) { return timer_.async_wait(std::move(token)); })
            .async_wait(wait_for_one(), asio::use_awaitable);
    if (order[0] == 1) co_return fail(errc::timed_out, {}, "the server did not take the request in time");
    if (error) co_return fail(errc::cut, {}, error.message());
    co_return result<void>{};
}

aio::awaitable<result<std::string_view>> Connection::read(Limit limit) {
    buffer_.resize(read_size);
    timer_.expires_after(limit);
    auto [order, error, size, late] =
        co_await make_parallel_group(
            [&](auto token) { return socket_.async_read_some(asio::buffer(buffer_), std::move(token)); },
            [&](auto token) { return timer_.async_wait(std::move(token)); })
            .async_wait(wait_for_one(), asio::use_awaitable);
    if (order[0] == 1) co_return fail(errc::timed_out, {}, "the server did not answer in time");
    if (error == asio::error::eof) co_return std::string_view{};
    if (error) co_return fail(errc::cut, {}, error.message());
    co_return std::string_view{buffer_}.substr(0, size);
}

bool Connection::is_stale() {
    char byte = 0;
    std::error_code error;
    socket_.non_blocking(true, error);
    socket_.receive(asio::buffer(&byte, 1), asio::socket_base::message_peek, error);
    return error != asio::error::would_block;
}

void Connection::close() {
    std::error_code ignored;
    resolver_.cancel();
    timer_.cancel();
    socket_.close(ignored);
}

}  // namespace stepcast::client
