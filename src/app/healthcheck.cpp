#include <fmt/format.h>
#include <asio/connect.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>

#include "aio/spawn.hpp"
#include "app/commands.hpp"

namespace stepcast::app {
namespace {

using tcp = asio::ip::tcp;

/// The status line that /healthz answers with.
aio::awaitable<std::string> ask(tcp::socket& socket, std::string host, std::string port) {
    tcp::resolver resolver{socket.get_executor()};
    const auto places = co_await resolver.async_resolve(host, port, asio::use_awaitable);
    co_await asio::async_connect(socket, places, asio::use_awaitable);
    const std::string request =
        fmt::format("GET /healthz HTTP/1.1\r\nHost: {}:{}\r\nConnection: close\r\n\r\n", host, port);
    co_await asio::async_write(socket, asio::buffer(request), asio::use_awaitable);
    std::string answer;
    const auto size = co_await asio::async_read_until(socket, asio::dynamic_buffer(answer, 64 * 1024), "\r\n",
                                                      asio::use_awaitable);
    co_return answer.substr(0, size - 2);
}

/// An address that reaches a server listening on `host`.
std::string reachable(const std::string& host) {
    if (host == "0.0.0.0") return "127.0.0.1";
    return host == "::" ? "::1" : host;
}

}  // namespace

int healthcheck(const Config& config) {
    asio::io_context context;
    tcp::socket socket{context};
    std::string problem = "no answer within 5 s";
    const std::string host = reachable(config.server.host);
    asio::co_spawn(context, ask(socket, host, std::to_string(config.server.port)),
                   [&](std::exception_ptr failure, const std::string& status_line) {
                       context.stop();
                       try {
                           if (failure) std::rethrow_exception(failure);
                           problem = status_line.starts_with("HTTP/1.1 200") ? "" : status_line;
                       } catch (const std::exception& error) {
                           problem = error.what();
                       }
                   });
    context.run_for(std::chrono::seconds{5});
    if (problem.empty()) return 0;
    fmt::print(stderr, "{}:{} is not healthy: {}\n", host, config.server.port, problem);
    return 1;
}

}  // namespace stepcast::app
