#include "domain/progress/module.hpp"

#include <map>

#include "bus/embedded/embedded_bus.hpp"
#include "unit/metric_rows.hpp"
#include "unit/progress/system.hpp"

namespace stepcast::progress::test {
namespace {

using stepcast::testing::MetricRows;

/// What a node would give the module.
struct ModuleTest : ::testing::Test {
    domain::Parts parts() {
        return {.io = io,
                .core = core,
                .clock = system_clock(),
                .store = store,
                .bus = bus,
                .publisher = broadcaster,
                .hub = hub,
                .committer = committer,
                .dead_letters = dead_letters,
                .sse = sse,
                .admission = admission,
                .monitor = [](bool) -> awaitable<std::string> { co_return "{}"; }};
    }

    asio::io_context io{1};
    aio::Strand core = asio::make_strand(io);
    store::MemoryStore store{{}};
    bus::EmbeddedBus bus;
    broadcast::Broadcaster broadcaster{
        io, {}, [](event::Position, std::size_t) -> awaitable<broadcast::Missed> {
            co_return broadcast::Missed{};
        }};
    flow::FeedHub hub{core, store, broadcaster, system_clock(), 1h};
    flow::Committer committer{core, store, hub};
    flow::DeadLetters dead_letters{bus};
    http::SseOptions sse;
    http::SseAdmission admission{10, 0};
};

TEST_F(ModuleTest, every_topic_says_of_itself_what_it_is_for) {
    for (const bool orders : {false, true}) {
        Settings settings;
        settings.ingest.topic = "a.events";
        if (orders) settings.orders = OrderConsumer::Options{.orders_topic = "a.orders"};
        const auto module = module_spec(settings).make(parts());
        std::vector<std::string> made, told;
        for (const auto& topic : module->topics()) made.push_back(topic.name);
        for (const auto& info : module->topic_infos()) {
            told.push_back(info.name);
            EXPECT_FALSE(info.meaning.empty() || info.key.empty() || info.records.empty()) << info.name;
            EXPECT_TRUE(info.read || info.written) << info.name;
        }
        EXPECT_EQ(told, made);
    }
}

TEST_F(ModuleTest, it_takes_what_stands_on_its_topics_and_tells_of_it) {
    const auto spec = module_spec(
        {.service = {}, .ingest = {.topic = "events", .group = "g"}, .orders = OrderConsumer::Options{}});
    EXPECT_EQ(spec.categories.front(), &category);
    const auto module = spec.make(parts());
    EXPECT_EQ(module->topics(),
              (std::vector<bus::TopicSpec>{
                  {"events"}, {"events.dlq"}, {"order-events-v2"}, {"order-events-v2.dlq"}}));
    EXPECT_EQ(module->routes().size(), 9u);
    for (auto* projection : module->projections()) hub.add(*projection);
    const auto failing = [&] {
        std::vector<std::string_view> parts;
        module->add_failing(parts);
        return parts;
    };
    run(io, core, [&]() -> awaitable<void> {
        hub.start();
        EXPECT_FALSE(hub.live());
        co_await module->restore();
        EXPECT_TRUE(hub.live());
        EXPECT_TRUE(failing().empty()) << "the node tells of the bus";
        module->start();
        EXPECT_TRUE(co_await until([&] { return failing().empty(); }));
        std::vector<bus::Message> messages;
        messages.push_back({"events", "t", R"({"taskId":"t","userId":"u","eventType":"STARTED"})"});
        messages.push_back({"events", "t", "no JSON"});
        EXPECT_TRUE(co_await bus.produce(std::move(messages)));

        MetricRows rows;
        module->read_metrics(rows);
        EXPECT_EQ(rows.values.at("stepcast_tasks|status=STARTED"), 1);
        EXPECT_EQ(rows.values.at("stepcast_tasks|status=FAILED"), 0);
        EXPECT_EQ(rows.values.at("stepcast_events_rejected_total|door=topic|reason=malformed"), 1);
        for (const auto* name :
             {"stepcast_tasks_stalled", "stepcast_projection_lag_events|projection=progress",
              "stepcast_snapshots_total|result=ignored", "stepcast_recoveries_total|kind=user|reason=resume",
              "stepcast_recoveries_total|kind=task|reason=foreign", "stepcast_ingest_age_seconds",
              "stepcast_orders_in_flight", "stepcast_events_rejected_total|door=http|reason=not-owner"})
            EXPECT_TRUE(rows.values.contains(name)) << name;

        boost::json::object whole{{"bus", boost::json::object{}}};
        module->read_monitor(whole);
        EXPECT_EQ(whole["tasks"].at("STARTED"), 1);
        EXPECT_EQ(whole["tasks"].at("stalled"), 0);
        EXPECT_EQ(whole["bus"].at("ordersInFlight"), 0);
        EXPECT_TRUE(whole["bus"].as_object().contains("lag"));

        dead_letters.stop();
        committer.stop();
        co_await module->stop();
        EXPECT_EQ(failing(), std::vector<std::string_view>{"ingest"});
        co_await hub.stop();
        co_await bus.close();
    });
}

}  // namespace
}  // namespace stepcast::progress::test
