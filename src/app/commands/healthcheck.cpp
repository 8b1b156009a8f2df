#include <fmt/format.h>

#include "aio/notice.hpp"
#include "app/commands/blocking.hpp"
#include "app/commands/commands.hpp"
#include "app/server/wiring.hpp"
#include "client/errc.hpp"
#include "client/http_client.hpp"

namespace stepcast::app {
namespace {

using Steady = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto limit = 5s;

/// An address that reaches a server listening on `host`.
std::string reachable(const std::string& host) {
    if (host == "0.0.0.0") return "127.0.0.1";
    return host == "::" ? "::1" : host;
}

/// Whom a server sees there.
http::Peer we_at(const client::Url& endpoint) {
    http::Peer we{.local = !endpoint.socket.empty()};
    std::error_code error;
    const auto address = asio::ip::make_address(endpoint.host, error);
    if (!we.local) we.address = error ? asio::ip::address{asio::ip::address_v4::loopback()} : address;
    return we;
}

/// What a server with these settings listens at, as far as they tell: a port that the system chooses is known
/// to nobody.
std::vector<client::Url> endpoints_of(const Config& config) {
    const auto& server = config.server;
    std::vector<client::Url> endpoints;
    const auto add_port = [&](const std::string& host, int port, bool secure) {
        if (port != 0)
            endpoints.push_back({reachable(host), static_cast<std::uint16_t>(port), "/", secure, {}});
    };
    add_port(server.host, server.port, !server.tls_cert.empty());
    if (!server.unix_socket.empty()) endpoints.push_back({"localhost", 80, "/", false, server.unix_socket});
    const auto proxies = http_options(config).proxies;
    for (auto& endpoint : endpoints)
        if (proxies.begin_connections() && proxies.trusts(we_at(endpoint)))
            endpoint.preamble = "PROXY UNKNOWN\r\n";
    add_port(server.admin_host, server.admin_port, false);
    return endpoints;
}

/// Why it is not healthy there; empty if it is.
aio::awaitable<std::string> ask(const client::Url& endpoint, const std::string& certificate,
                                Steady::time_point end) {
    const auto executor = co_await asio::this_coro::executor;
    for (;;) {
        client::Trust trust;
        if (endpoint.secure) {
            auto own = aio::TlsTrust::of_certificate(certificate);
            if (!own) co_return own.error().detail;
            trust = std::move(*own);
        }
        const auto left = std::max<Steady::duration>(end - Steady::now(), 1ms);
        client::HttpClient http{executor, endpoint, {.connect = left, .answer = left}, trust};
        const auto answer = co_await http.get("/healthz");
        if (answer) co_return answer->status == 200 ? "" : fmt::format("it answered {}", answer->status);
        // A server reads a certificate that was changed within a second.
        if (answer.error().code != client::errc::insecure || left < 1s) co_return answer.error().text();
        co_await aio::pause(200ms);
    }
}

aio::awaitable<int> ask_all(const Config& config) {
    const auto end = Steady::now() + limit;
    const auto endpoints = endpoints_of(config);
    if (endpoints.empty()) {
        fmt::print(stderr, "server.port is 0: nobody knows which one the system chose\n");
        co_return 1;
    }
    for (const auto& endpoint : endpoints)
        if (const auto why = co_await ask(endpoint, config.server.tls_cert, end); !why.empty()) {
            fmt::print(stderr, "{} is not healthy: {}\n",
                       endpoint.socket.empty() ? endpoint.authority() : endpoint.socket, why);
            co_return 1;
        }
    co_return 0;
}

}  // namespace

int healthcheck(const Config& config) {
    asio::io_context io;
    return run_blocking<int>(io, [&] { return ask_all(config); });
}

}  // namespace stepcast::app
