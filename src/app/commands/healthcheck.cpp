#include <fmt/format.h>

#include "app/commands/blocking.hpp"
#include "app/commands/commands.hpp"
#include "client/http_client.hpp"

namespace stepcast::app {
namespace {

constexpr std::chrono::seconds limit{5};

/// An address that reaches a server listening on `host`.
std::string reachable(const std::string& host) {
    if (host == "0.0.0.0") return "127.0.0.1";
    return host == "::" ? "::1" : host;
}

}  // namespace

int healthcheck(const Config& config) {
    const client::Url server{reachable(config.server.host), static_cast<std::uint16_t>(config.server.port),
                             "/"};
    asio::io_context io;
    client::HttpClient http{io.get_executor(), server, {.connect = limit, .answer = limit}};
    const auto answer = run_blocking<result<client::Answer>>(io, [&] { return http.get("/healthz"); });
    if (answer && answer->status == 200) return 0;
    fmt::print(stderr, "{} is not healthy: {}\n", server.authority(),
               answer ? fmt::format("it answered {}", answer->status) : answer.error().text());
    return 1;
}

}  // namespace stepcast::app
