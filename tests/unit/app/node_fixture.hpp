#pragma once
#include <gtest/gtest.h>

#include <functional>
#include <optional>

#include "aio/notice.hpp"
#include "aio/spawn.hpp"
#include "app/server/node.hpp"
#include "app/server/wiring.hpp"
#include "client/http_client.hpp"

namespace stepcast::app {

using namespace std::chrono_literals;

inline Config small_config() {
    Config config;
    config.server.threads = 1;
    config.server.port = 0;
    config.server.drain = 2s;
    config.store.max_bytes = 64 * 1024 * 1024;
    return config;
}

class NodeTest : public testing::Test {
  protected:
    /// Runs a node with these modules, and a body that asks it.
    void serve(const std::vector<domain::ModuleSpec>& modules,
               std::function<awaitable<void>(client::HttpClient&)> body,
               std::optional<http::AccessPolicy> access = {}) {
        const auto config = small_config();
        Node node{io,      config,         std::move(*make_bus(io, config, system_clock())),
                  nullptr, system_clock(), modules};
        port = node.listen().value();
        if (access) node.hold_to(std::move(*access));
        node.start();
        bool ended = false;
        aio::spawn(strand, "test", [&]() -> awaitable<void> {
            client::HttpClient http{strand, {.host = "127.0.0.1", .port = port}};
            const auto deadline = std::chrono::steady_clock::now() + 10s;
            while ((co_await http.get("/readyz"))->status != 200 &&
                   std::chrono::steady_clock::now() < deadline)
                co_await aio::pause(5ms);
            co_await body(http);
            http.close();
            EXPECT_TRUE(co_await node.stop());
            ended = true;
        });
        io.run_for(30s);
        EXPECT_TRUE(ended);
    }

    asio::io_context io{1};
    aio::Strand strand{asio::make_strand(io)};
    std::uint16_t port = 0;
};

}  // namespace stepcast::app
