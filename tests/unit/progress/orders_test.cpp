// Orders that were answered are worked off, whatever ends the process.
#include "domain/progress/orders.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "unit/flow/refusing_bus.hpp"
#include "unit/progress/system.hpp"

namespace stepcast::progress::test {
namespace {

/// One life of a process with the embedded bus; what it leaves is the store.
struct Life {
    Life(asio::io_context& io, const aio::Strand& core, store::EventStore& store,
         OrderConsumer::Options options)
        : system{io, core, store, bus, {.topic = "progress-events", .group = "stepcast-progress"}},
          orders{io, system.service, system.committer, bus, system.dead_letters, std::move(options)} {}

    awaitable<void> start() {
        co_await system.start();
        orders.start();
    }
    awaitable<void> stop() {
        system.dead_letters.stop();
        system.committer.stop();
        co_await orders.stop();
        co_await system.stop();
        co_await bus.close();
    }

    flow::test::RefusingBus bus;
    System system;
    OrderConsumer orders;
};

class OrdersTest : public ::testing::Test {
  protected:
    OrderConsumer::Options options(Duration step_delay, bool keep = true) {
        return {.step_delay = step_delay, .keep_in_store = keep};
    }
    void live(OrderConsumer::Options given, std::function<awaitable<void>(Life&)> body) {
        Life life{io, core, store, std::move(given)};
        run(io, core, [&]() -> awaitable<void> {
            co_await life.start();
            co_await body(life);
            co_await life.stop();
        });
    }
    awaitable<void> order(Life& life, std::string task) {
        std::vector<bus::Message> messages;
        messages.push_back({"order-events-v2", task, encode_order({task, "u", "노트북", 1})});
        const auto answered = co_await life.bus.produce(std::move(messages));
        EXPECT_TRUE(answered.has_value());
    }
    /// Orders that the store keeps.
    awaitable<std::size_t> owed() {
        const auto timers = (co_await store.due(Timestamp::max(), 100)).value();
        co_return static_cast<std::size_t>(std::ranges::count(timers, "order", &store::Timer::kind));
    }
    /// What a relay would publish.
    awaitable<std::size_t> in_outbox() { co_return (co_await store.outbox(0, 100)).value().size(); }
    awaitable<std::vector<std::string>> event_ids(std::string task) {
        const auto page =
            co_await store.read_stream(category, task, {store::Range::By::version, 1, UINT64_MAX, 100});
        std::vector<std::string> ids;
        for (const auto& event : page->events) ids.emplace_back(event->id());
        co_return ids;
    }
    awaitable<bool> nothing_owed() {
        const auto deadline = std::chrono::steady_clock::now() + 10s;
        while (co_await owed() != 0) {
            if (std::chrono::steady_clock::now() > deadline) co_return false;
            co_await aio::pause(2ms);
        }
        co_return true;
    }

    asio::io_context io{1};
    aio::Strand core = asio::make_strand(io);
    store::MemoryStore store{store::Limits{}};
};

const std::vector<std::string> steps_of_one{"one:0", "one:1", "one:2", "one:3", "one:4"};

TEST_F(OrdersTest, an_answered_order_stands_in_the_store_until_it_is_worked_off) {
    live(options(50ms), [&](Life& life) -> awaitable<void> {
        co_await order(life, "one");
        EXPECT_EQ(co_await owed(), 1U);
        EXPECT_EQ(co_await in_outbox(), 0U) << "a relay would publish it again";
        EXPECT_TRUE(co_await nothing_owed());
        EXPECT_EQ(co_await event_ids("one"), steps_of_one);
        EXPECT_TRUE(co_await until([&] { return life.orders.in_flight() == 0; }));
    });
}

TEST_F(OrdersTest, an_order_that_was_begun_goes_on_after_its_last_step) {
    live(options(1h), [&](Life& life) -> awaitable<void> { co_await order(life, "one"); });
    live(options(1ms), [&](Life& life) -> awaitable<void> {
        EXPECT_TRUE(co_await nothing_owed());
        EXPECT_EQ(co_await event_ids("one"), steps_of_one);
        EXPECT_TRUE(co_await until([&] { return life.orders.in_flight() == 0; }));
    });
}

TEST_F(OrdersTest, an_order_that_ended_and_is_still_owed_adds_nothing) {
    live(options(1ms), [&](Life& life) -> awaitable<void> {
        co_await order(life, "one");
        EXPECT_TRUE(co_await nothing_owed());
    });
    run(io, core, [&]() -> awaitable<void> {  // as if the process had died before it was forgotten
        store::Commit again;
        again.timers.push_back(
            {"order-one", Timestamp::max(), "order", encode_order({"one", "u", "노트북", 1})});
        EXPECT_TRUE((co_await store.commit_many({&again, 1})).front());
    });
    live(options(1ms), [&](Life&) -> awaitable<void> {
        EXPECT_TRUE(co_await nothing_owed());
        EXPECT_EQ(co_await event_ids("one"), steps_of_one);
    });
}

TEST_F(OrdersTest, more_orders_than_may_be_in_flight_all_go_on) {
    auto slow = options(1h);
    slow.max_in_flight = 20;
    live(slow, [&](Life& life) -> awaitable<void> {
        for (int i = 0; i < 20; ++i) co_await order(life, "task-" + std::to_string(i));
        EXPECT_TRUE(life.orders.full());
        EXPECT_EQ(co_await owed(), 20U);
    });
    auto narrow = options(1ms);
    narrow.max_in_flight = 3;
    live(narrow, [&](Life& life) -> awaitable<void> {
        EXPECT_TRUE(co_await nothing_owed());
        EXPECT_TRUE(co_await until([&] { return life.orders.in_flight() == 0; }));
        for (int i = 0; i < 20; ++i) EXPECT_EQ((co_await event_ids("task-" + std::to_string(i))).size(), 5U);
    });
}

TEST_F(OrdersTest, an_order_that_cannot_be_read_holds_up_no_other) {
    run(io, core, [&]() -> awaitable<void> {
        store::Commit kept;
        kept.timers.push_back({"order-bad", Timestamp{1ms}, "order", "{}"});
        kept.timers.push_back({"other", Timestamp{2ms}, "another", "v"});
        kept.timers.push_back(
            {"order-one", Timestamp{3ms}, "order", encode_order({"one", "u", "노트북", 1})});
        EXPECT_TRUE((co_await store.commit_many({&kept, 1})).front());
    });
    live(options(1ms), [&](Life& life) -> awaitable<void> {
        EXPECT_TRUE(co_await until([&] { return life.system.service.projection().find("one") != nullptr; }));
        EXPECT_TRUE(co_await until([&] { return life.orders.in_flight() == 0; }));
        EXPECT_EQ(co_await event_ids("one"), steps_of_one);
        EXPECT_EQ(co_await owed(), 1U);
    });
}

TEST_F(OrdersTest, what_an_older_journal_keeps_in_its_outbox_goes_on_and_leaves_it) {
    run(io, core, [&]() -> awaitable<void> {
        store::Commit kept;
        kept.outbox.push_back({"order-bad", "order-events-v2", "bad", "{}"});
        kept.outbox.push_back({"other", "another-topic", "k", "v"});
        for (const auto* task : {"one", "two"})
            kept.outbox.push_back({fmt::format("order-{}", task), "order-events-v2", task,
                                   encode_order({task, "u", "노트북", 1})});
        EXPECT_TRUE((co_await store.commit_many({&kept, 1})).front());
    });
    live(options(1h), [&](Life& life) -> awaitable<void> {
        EXPECT_TRUE(co_await until([&] { return life.orders.in_flight() == 2; }));
        EXPECT_EQ(co_await owed(), 2U) << "they are kept as those of today";
        EXPECT_EQ(co_await in_outbox(), 2U) << "what cannot be read, and what is not ours";
    });
    live(options(1ms), [&](Life& life) -> awaitable<void> {
        EXPECT_TRUE(co_await nothing_owed());
        EXPECT_TRUE(co_await until([&] { return life.orders.in_flight() == 0; }));
        for (const auto* task : {"one", "two"}) EXPECT_EQ((co_await event_ids(task)).size(), 5U);
    });
}

TEST_F(OrdersTest, a_stop_cuts_the_pause_of_an_order_that_the_bus_does_not_take) {
    std::chrono::steady_clock::time_point began;
    live(options(200ms), [&](Life& life) -> awaitable<void> {
        co_await order(life, "one");
        life.bus.refused = "progress-events";
        EXPECT_TRUE(co_await until([&] { return life.bus.refusals == 5; }));
        began = std::chrono::steady_clock::now();  // by then it pauses for 0.8 to 1.6 s
    });
    EXPECT_LT(std::chrono::steady_clock::now() - began, 700ms);
    run(io, core,
        [&]() -> awaitable<void> { EXPECT_EQ(co_await owed(), 1U) << "it goes on at the next start"; });
}

TEST_F(OrdersTest, a_stop_does_not_wait_for_a_step_that_nobody_settles_any_more) {
    live(options(20ms), [&](Life& life) -> awaitable<void> {
        co_await order(life, "one");
        const int before = life.bus.taken;
        co_await life.system.ingest.stop();
        EXPECT_TRUE(co_await until([&] { return life.bus.taken > before; }));
        const auto began = std::chrono::steady_clock::now();
        co_await life.orders.stop();
        EXPECT_LT(std::chrono::steady_clock::now() - began, 3s) << "the bus answers after ten seconds only";
    });
}

TEST_F(OrdersTest, where_the_broker_keeps_orders_the_store_does_not) {
    live(options(1h, false), [&](Life& life) -> awaitable<void> {
        co_await order(life, "one");
        EXPECT_EQ(co_await owed(), 0U);
    });
}

}  // namespace
}  // namespace stepcast::progress::test
