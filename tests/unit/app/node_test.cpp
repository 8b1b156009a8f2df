// A node serves whatever modules it is given.
#include "app/server/node.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>
#include <algorithm>

#include "aio/notice.hpp"
#include "aio/spawn.hpp"
#include "app/server/wiring.hpp"
#include "client/event_source.hpp"
#include "client/http_client.hpp"
#include "counter/module.hpp"

namespace stepcast::app {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

Config small_config() {
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
               std::function<awaitable<void>(client::HttpClient&)> body) {
        const auto config = small_config();
        Node node{io,      config,         std::move(*make_bus(io, config, system_clock())),
                  nullptr, system_clock(), modules};
        port = node.listen().value();
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

TEST_F(NodeTest, a_module_needs_its_own_folder_and_one_line_of_wiring) {
    auto specs = modules(small_config(), system_clock().now());
    specs.push_back(counter::module_spec());
    serve(specs, [&](client::HttpClient& http) -> awaitable<void> {
        // Ids collide with those of the other module on purpose.
        EXPECT_EQ((co_await http.post("/api/counters/T1?event=e1", ""))->body, R"({"value":1})");
        const auto task = co_await http.post(
            "/api/v2/progress/events",
            R"({"eventId":"e1","taskId":"T1","userId":"u","eventType":"STARTED","percentage":7})");
        EXPECT_EQ(task->status, 202);
        EXPECT_EQ((co_await http.post("/api/counters/T1?event=e2", ""))->body, R"({"value":2})");
        EXPECT_EQ((co_await http.get("/api/counters/T1"))->body, R"({"value":2})");
        EXPECT_THAT((co_await http.get("/api/v2/progress/status/T1"))->body, HasSubstr("\"version\":1"));
        client::EventSource stream{
            strand, {.host = "127.0.0.1", .port = port, .target = "/api/counters/T1/subscribe"}};
        EXPECT_EQ((co_await stream.next()).value()->data, R"({"value":2})");
        EXPECT_EQ((co_await http.post("/api/counters/T1?event=e3", ""))->status, 200);
        std::optional<client::Message> raised;
        while (!raised || raised->type != "raised") raised = (co_await stream.next()).value();
        EXPECT_THAT(raised->data, HasSubstr("\"version\":3"));
        stream.stop();
        const auto metrics = (co_await http.get("/metrics"))->body;
        EXPECT_THAT(metrics, HasSubstr("stepcast_counters 1\n"));
        EXPECT_THAT(metrics, HasSubstr("stepcast_tasks{status=\"STARTED\"} 1\n"));
        EXPECT_THAT((co_await http.get("/api/v2/progress/monitor"))->body, HasSubstr("\"counters\":1"));
    });
}

TEST(ModuleSpec, an_import_takes_the_events_of_a_module_that_checks_none) {
    const auto spec = counter::module_spec();
    const auto draft = event::Event::make(
        {.category = spec.categories[0], .stream_id = "a", .id = "e", .subject = "u", .json = "{\"n\":1}"});
    ASSERT_TRUE(spec.check_stored != nullptr);
    EXPECT_TRUE(spec.check_stored(*draft));
}

TEST_F(NodeTest, a_node_without_the_known_modules_serves_the_others) {
    serve({counter::module_spec()}, [&](client::HttpClient& http) -> awaitable<void> {
        EXPECT_EQ((co_await http.post("/api/counters/a?event=1", ""))->body, R"({"value":1})");
        EXPECT_EQ((co_await http.get("/api/v2/progress/status/T1"))->status, 404);
        EXPECT_EQ((co_await http.get("/readyz"))->status, 200);
        EXPECT_EQ((co_await http.get("/metrics"))->status, 200);
    });
}

}  // namespace
}  // namespace stepcast::app
