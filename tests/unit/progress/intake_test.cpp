#include "domain/progress/intake.hpp"

#include <fmt/format.h>

#include "bus/embedded/embedded_bus.hpp"
#include "unit/progress/system.hpp"
#include "unit/progress/turns.hpp"

namespace stepcast::progress::test {
namespace {

class IntakeOverEmbeddedBus : public ::testing::Test {
  protected:
    void with_intake(std::function<awaitable<void>(ProgressIntake&)> body) {
        run(io, core, [&]() -> awaitable<void> {
            co_await system.start();
            EXPECT_TRUE(co_await until([&] { return system.ingest.subscribed(); }));
            co_await body(intake);
            co_await system.stop();
        });
        EXPECT_TRUE(system.dead_letters.counts().empty());
    }
    static std::vector<ProgressEvent> read(std::string_view body) {
        SentReader sent{body};
        EXPECT_TRUE(sent.read(10).has_value());
        return std::move(sent.events);
    }
    awaitable<std::vector<event::EventRef>> stored(std::string task) {
        auto page =
            co_await store.read_stream(category, task, {store::Range::By::version, 1, UINT64_MAX, 100});
        co_return page ? std::move(page->events) : std::vector<event::EventRef>{};
    }

    asio::io_context io{1};
    const aio::Strand core = asio::make_strand(io);
    store::MemoryStore store{store::Limits{}};
    bus::EmbeddedBus bus;
    System system{io, core, store, bus, {.topic = "t", .group = "g"}};
    ProgressIntake intake{system.service, system.committer, bus, system.ingest, nullptr, "t", "orders"};
};

constexpr auto first = R"({"taskId":"a","userId":"u","eventType":"STARTED","eventId":"1"})";

TEST_F(IntakeOverEmbeddedBus, an_event_alone_is_judged_where_it_is_stored_and_its_producer_told) {
    with_intake([&](ProgressIntake& over_http) -> awaitable<void> {
        EXPECT_TRUE((co_await over_http.publish(read(first), false)).has_value());
        EXPECT_TRUE((co_await over_http.publish(read(first), false)).has_value()) << "an honest retry";
        for (int i = 0; i < 2; ++i) {
            // Neither time nor percentage: both are filled in, the latter from the task's past.
            const auto bare = R"({"taskId":"a","userId":"u","eventType":"PROGRESS","eventId":"bare"})";
            EXPECT_TRUE((co_await over_http.publish(read(bare), false)).has_value());
            co_await aio::pause(2ms);  // the clock goes on
        }

        const auto conflict = co_await over_http.publish(
            read(R"({"taskId":"a","userId":"u","eventType":"FAILED","eventId":"1"})"), false);
        EXPECT_FALSE(conflict);
        EXPECT_EQ(conflict.error().code, errc::conflict);
        EXPECT_EQ(conflict.error().field, "eventId");
        EXPECT_EQ(conflict.error().detail, "the eventId is known with another body");

        const auto other = R"([{"taskId":"a","userId":"else","eventType":"PROGRESS","eventId":"2"}])";
        const auto not_owner = co_await over_http.publish(read(other), true);
        EXPECT_FALSE(not_owner);
        EXPECT_EQ(not_owner.error().code, errc::not_owner);
        EXPECT_EQ(not_owner.error().field, "[0].userId");
        EXPECT_EQ((co_await stored("a")).size(), 2U);
    });
    EXPECT_EQ(system.ingest.counts().rejected_conflict, 0U) << "counted over HTTP, where it was refused";
    EXPECT_EQ(system.ingest.counts().rejected_owner, 0U);
}

TEST_F(IntakeOverEmbeddedBus, of_two_events_at_once_that_cannot_both_be_one_producer_is_told) {
    with_intake([&](ProgressIntake& over_http) -> awaitable<void> {
        std::optional<bool> one, two;
        const auto publish = [&](std::optional<bool>& outcome, std::string_view user) {
            auto events = read(fmt::format(R"({{"taskId":"a","userId":"{}","eventType":"STARTED"}})", user));
            aio::spawn(core, "publish", [&over_http, &outcome, events]() -> awaitable<void> {
                outcome = (co_await over_http.publish(events, false)).has_value();
            });
        };
        publish(one, "u");
        publish(two, "else");
        EXPECT_TRUE(co_await until([&] { return one && two; }));
        EXPECT_NE(*one, *two);
    });
}

TEST_F(IntakeOverEmbeddedBus, an_event_is_stored_as_if_its_text_had_come_by_the_topic) {
    const std::vector<std::string> bodies{
        R"({"taskId":"a","userId":"u","eventType":"STARTED","eventId":"1","timestamp":"2024-01-01T10:00:00Z"})",
        R"({"taskId":"a","userId":"u","eventType":"PROGRESS","eventId":"2","timestamp":"2024-01-01T10:00:01Z","currentStep":1,"totalSteps":3,"stepName":"\u00e9\"\u2028","detail":{"b":1.50,"a":[ ]},"seq":4})",
        R"({"taskId":"a","userId":"u","eventType":"PROGRESS","eventId":"3","timestamp":"2024-01-01T10:00:02Z"})",
        R"({"taskId":"a","userId":"u","eventType":"COMPLETED","eventId":"4","timestamp":"2024-01-01T10:00:03Z"})"};
    with_intake([&](ProgressIntake& over_http) -> awaitable<void> {
        for (std::string body : bodies) {
            EXPECT_TRUE((co_await over_http.publish(read(body), false)).has_value());
            body.replace(body.find("\"a\""), 3, "\"b\"");
            std::vector<bus::Message> by_topic{{.topic = "t", .key = "b", .value = body}};
            EXPECT_TRUE((co_await bus.produce(std::move(by_topic))).has_value());
        }
        const auto of_intake = co_await stored("a");
        const auto of_topic = co_await stored("b");
        EXPECT_EQ(of_intake.size(), bodies.size());
        EXPECT_EQ(of_topic.size(), bodies.size());
        for (std::size_t i = 0; i < bodies.size(); ++i) {
            std::string body{of_intake[i]->body()};
            body.replace(body.find("\"taskId\":\"a\""), 12, "\"taskId\":\"b\"");
            EXPECT_EQ(body, of_topic[i]->body());
            EXPECT_EQ(of_intake[i]->fingerprint(), of_topic[i]->fingerprint());
            EXPECT_EQ(of_intake[i]->lifecycle(), of_topic[i]->lifecycle());
        }
    });
}

TEST(Intake, others_have_their_turns_while_a_large_array_is_checked_and_given_to_the_bus) {
    constexpr int count = 9600;
    asio::io_context io{1};
    const aio::Strand core = asio::make_strand(io);
    store::MemoryStore store{store::Limits{}};
    ScriptedBus bus;
    System system{io, core, store, bus, {.topic = "t", .source = "s", .rebuilds = true}};
    ProgressIntake intake{system.service, system.committer, bus, system.ingest, nullptr, "events", "orders"};
    run(io, core, [&]() -> awaitable<void> {
        co_await system.start();
        EXPECT_TRUE(co_await until([&] { return system.ingest.subscribed(); }));
        std::vector<ProgressEvent> events(count);
        for (int i = 0; i < count; ++i) {
            events[static_cast<std::size_t>(i)].task_id = fmt::format("t{}", i);
            events[static_cast<std::size_t>(i)].user_id = "u";
        }
        Turns turns{core};
        const auto given = co_await intake.publish(std::move(events), true);
        turns.end();
        EXPECT_EQ(given.value().size(), count);
        EXPECT_EQ(bus.produced.size(), count);
        EXPECT_GE(turns.count(), 3 * count / 64 - 3) << "once compared, once looked up, once encoded";
        co_await asio::post(core, asio::use_awaitable);  // the last tick
        co_await system.stop();
    });
}

}  // namespace
}  // namespace stepcast::progress::test
