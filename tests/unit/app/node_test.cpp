// A node serves whatever modules it is given.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>
#include <algorithm>

#include "client/event_source.hpp"
#include "counter/module.hpp"
#include "unit/app/node_fixture.hpp"

namespace stepcast::app {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

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
