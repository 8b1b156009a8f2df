#include <gtest/gtest.h>
#include <asio/thread_pool.hpp>
#include <mutex>
#include <set>
#include <thread>

#include "aio/turn.hpp"
#include "unit/bus/embedded_bus_fixture.hpp"

namespace stepcast::bus {
namespace {

TEST_F(EmbeddedBusTest, others_have_their_turns_while_a_large_call_is_appended) {
    run([&]() -> awaitable<void> {
        EmbeddedBus bus;
        bool over = false;
        int turns = 0;
        aio::spawn(strand, "others", [&]() -> awaitable<void> {
            while (!over) {
                ++turns;
                co_await aio::next_turn();
            }
        });
        EXPECT_TRUE((co_await bus.produce(messages("t", 10'000))).has_value());
        over = true;
        EXPECT_GE(turns, 10'000 / 256 - 2);
        co_await aio::next_turn();  // the last of the others
    });
}

TEST_F(EmbeddedBusTest, what_is_being_appended_has_its_room_kept_and_a_close_refuses_the_call) {
    run([&]() -> awaitable<void> {
        EmbeddedBus bus{{.max_records = 1'000}};
        const auto consumer = bus.subscribe({"t", "g"}, strand);
        const auto large = produce_beside(bus, messages("t", 900));
        co_await aio::next_turn();
        const auto busy = co_await bus.produce(messages("t", 101));
        EXPECT_TRUE(!busy && busy.error().code == errc::busy);
        EXPECT_FALSE(large->has_value()) << "it is appended in several turns";
        co_await bus.close();
        co_await settle_down();
        EXPECT_TRUE(large->has_value() && !(*large)->has_value());
        EXPECT_EQ((*large)->error().code, errc::closed);
        co_await consumer->close();
    });
}

TEST_F(EmbeddedBusTest, produce_gives_up_on_a_group_that_does_not_settle_but_keeps_the_record) {
    run([&]() -> awaitable<void> {
        EmbeddedBus bus{{.produce_timeout = 20ms}};
        const auto consumer = bus.subscribe({"t", "slow"}, strand);
        const auto produced = co_await bus.produce(messages("t", 1));
        EXPECT_FALSE(produced);
        if (!produced) EXPECT_EQ(produced.error().code, errc::unavailable);
        const auto batch = co_await consumer->next(1s);
        EXPECT_TRUE(batch && batch->records.size() == 1);
        co_await consumer->close();
    });
}

TEST_F(EmbeddedBusTest, produce_completes_once_every_group_has_settled) {
    run([&]() -> awaitable<void> {
        EmbeddedBus bus;
        const auto one = bus.subscribe({"t", "one"}, strand);
        const auto two = bus.subscribe({"t", "two"}, strand);
        const auto outcome = produce_beside(bus, messages("t", 2));
        const auto of_one = co_await one->next(1s);
        const auto of_two = co_await two->next(1s);
        for (const auto& record : of_one->records) one->done(record.place);
        two->settle(of_two->records[1].place);
        co_await settle_down();
        EXPECT_FALSE(outcome->has_value());
        two->settle(of_two->records[0].place);
        co_await settle_down();
        EXPECT_TRUE(outcome->has_value());
        if (*outcome) EXPECT_EQ((*outcome)->value().size(), 2U);
        for (const auto& record : of_two->records) two->done(record.place);
        co_await one->close();
        co_await two->close();
    });
}

TEST_F(EmbeddedBusTest, a_group_that_comes_later_is_not_waited_for_and_still_sees_what_is_kept) {
    run([&]() -> awaitable<void> {
        EmbeddedBus bus;
        const auto one = bus.subscribe({"t", "one"}, strand);
        const auto outcome = produce_beside(bus, messages("t", 1));
        co_await settle_down();
        const auto late = bus.subscribe({"t", "late"}, strand);
        const auto batch = co_await one->next(1s);
        one->settle(batch->records[0].place);
        co_await settle_down();
        EXPECT_TRUE(outcome->has_value());
        const auto of_late = co_await late->next(1s);
        EXPECT_NE(of_late, nullptr);
        late->done(of_late->records[0].place);
        one->done(batch->records[0].place);
        co_await one->close();
        co_await late->close();
    });
}

TEST_F(EmbeddedBusTest, a_settled_record_that_is_given_again_is_not_counted_twice) {
    run([&]() -> awaitable<void> {
        EmbeddedBus bus;
        auto consumer = bus.subscribe({"t", "g"}, strand);
        const auto outcome = produce_beside(bus, messages("t", 2));
        auto batch = co_await consumer->next(1s);
        consumer->settle(batch->records[0].place);
        consumer.reset();  // gone without a word
        consumer = bus.subscribe({"t", "g"}, strand);
        batch = co_await consumer->next(1s);
        EXPECT_EQ(batch->records.size(), 2U);
        consumer->done(batch->records[0].place);
        co_await settle_down();
        EXPECT_FALSE(outcome->has_value());
        consumer->done(batch->records[1].place);
        co_await settle_down();
        EXPECT_TRUE(outcome->has_value());
        co_await consumer->close();
    });
}

TEST_F(EmbeddedBusTest, close_refuses_what_waits_and_what_comes) {
    run([&]() -> awaitable<void> {
        EmbeddedBus bus;
        const auto consumer = bus.subscribe({"t", "g"}, strand);
        const auto outcome = produce_beside(bus, messages("t", 3));
        co_await settle_down();
        co_await bus.close();
        co_await settle_down();
        EXPECT_TRUE(outcome->has_value());
        if (*outcome) EXPECT_EQ((*outcome)->error().code, errc::closed);
        const auto late = co_await bus.produce(messages("t", 1));
        EXPECT_EQ(late.error().code, errc::closed);
        EXPECT_FALSE(bus.healthy());
        co_await consumer->close();
    });
}

TEST_F(EmbeddedBusTest, the_bound_holds_for_bytes_too_and_is_lifted_as_records_are_done) {
    run([&]() -> awaitable<void> {
        EmbeddedOptions options;
        options.max_bytes = 4096;
        EmbeddedBus bus{options};
        const auto consumer = bus.subscribe({"t", "g"}, strand);
        const auto first = produce_beside(bus, messages("t", 3, std::string(1000, 'x')));
        co_await settle_down();
        const auto refused = co_await bus.produce(messages("t", 1, std::string(1000, 'x')));
        EXPECT_EQ(refused.error().code, errc::busy);
        EXPECT_TRUE((co_await bus.produce(messages("other", 3, std::string(1000, 'x')))).has_value());
        const auto batch = co_await consumer->next(1s);
        consumer->done(batch->records[1].place);  // behind a gap: still kept
        const auto again = co_await bus.produce(messages("t", 1, std::string(1000, 'x')));
        EXPECT_EQ(again.error().code, errc::busy);
        consumer->done(batch->records[0].place);
        const auto outcome = produce_beside(bus, messages("t", 1, std::string(1000, 'x')));
        const auto next = co_await consumer->next(1s);
        EXPECT_NE(next, nullptr);
        consumer->done(batch->records[2].place);
        consumer->done(next->records[0].place);
        co_await consumer->close();
        co_await settle_down();
        EXPECT_TRUE(outcome->has_value() && outcome->value().has_value());
    });
}

TEST_F(EmbeddedBusTest, what_nobody_reads_makes_room_and_holds_up_no_producer) {
    run([&]() -> awaitable<void> {
        EmbeddedOptions options;
        options.max_records = 5;
        EmbeddedBus bus{options};
        for (int i = 0; i < 20; ++i) {
            std::vector<Message> letter{{"told", "k" + std::to_string(i), std::to_string(i)}};
            EXPECT_TRUE((co_await bus.produce(std::move(letter))).has_value());
        }
        const auto consumer = bus.subscribe({"told", "people"}, strand);
        const auto batch = co_await consumer->next(1s);
        EXPECT_EQ(batch->records.size(), 5U);
        for (const auto& record : batch->records) consumer->done(record.place);
        co_await consumer->close();
    });
}

TEST_F(EmbeddedBusTest, who_reads_alone_holds_nobody_up_and_misses_what_there_is_no_room_for) {
    run([&]() -> awaitable<void> {
        EmbeddedOptions options;
        options.max_records = 5;
        EmbeddedBus bus{options};
        const auto alone = bus.replay({"t"}, strand);
        for (int i = 0; i < 8; ++i)
            EXPECT_TRUE((co_await bus.produce(messages("t", 1, std::to_string(i)))).has_value());
        EXPECT_EQ(bus.stats().missed, 3u);
        EXPECT_EQ((co_await alone->next(1s))->records.front().value, "3");
        const auto member = bus.subscribe({"t", "g"}, strand);
        const auto outcome = produce_beside(bus, messages("t", 5, "x"));
        const auto taken = co_await member->next(1s);
        EXPECT_EQ(taken->records.size(), 5u);
        EXPECT_EQ((co_await bus.produce(messages("t", 1))).error().code, errc::busy)
            << "the group has not done them";
        for (const auto& record : taken->records) member->done(record.place);
        co_await settle_down();
        EXPECT_TRUE(outcome->has_value());
        const auto more = produce_beside(bus, messages("t", 1, "y"));
        co_await settle_down();
        EXPECT_EQ(bus.stats().missed, 8u);
        const auto last = co_await member->next(1s);
        EXPECT_EQ(last->records.front().value, "y");
        member->done(last->records.front().place);
        EXPECT_EQ((co_await alone->next(1s))->records.front().value, "y");
        co_await alone->close();
        co_await member->close();
        co_await settle_down();
        EXPECT_TRUE(more->has_value());
    });
}

TEST_F(EmbeddedBusTest, headers_count_against_the_bytes_of_a_topic) {
    run([&]() -> awaitable<void> {
        EmbeddedOptions options;
        options.max_bytes = 100'000;
        EmbeddedBus bus{options};
        const auto consumer = bus.subscribe({"t", "g"}, strand);
        const auto many = [](std::size_t n) {
            return std::vector<Message>{
                {"t", "k", "v", std::vector<event::Header>(n, event::Header{"", ""})}};
        };
        const std::vector<Message> wide{{"t", "k", "v", {{"h", std::string(60'000, 'x')}}}};
        const auto first = produce_beside(bus, wide);
        co_await settle_down();
        const auto over = co_await bus.produce(wide);
        EXPECT_FALSE(over);
        if (!over) EXPECT_EQ(over.error().code, errc::busy);
        const auto more = produce_beside(bus, many(100));
        co_await settle_down();
        EXPECT_FALSE(more->has_value()) << "it waits for its reader";
        const auto empty_ones = co_await bus.produce(many(2000));
        EXPECT_FALSE(empty_ones) << "headers without a byte are not for nothing";
        co_await bus.close();
        co_await consumer->close();
        co_await settle_down();
    });
}

TEST_F(EmbeddedBusTest, a_partition_moves_only_when_its_reader_has_nothing_in_flight) {
    run([&]() -> awaitable<void> {
        EmbeddedOptions options;
        options.partitions = 2;
        EmbeddedBus bus{options};
        std::vector<Message> many;
        for (int i = 0; i < 20; ++i) many.push_back({"t", "k" + std::to_string(i), "v"});
        EXPECT_TRUE((co_await bus.produce(many)).has_value());
        const auto a = bus.subscribe({"t", "g"}, strand);
        const auto held = co_await a->next(1s);
        EXPECT_EQ(held->records.size(), 20U);
        const auto b = bus.subscribe({"t", "g"}, strand);
        const auto outcome = produce_beside(bus, many);
        EXPECT_EQ(co_await b->next(50ms), nullptr);
        for (const auto& record : held->records) a->done(record.place);
        const auto moved = co_await b->next(1s);
        EXPECT_NE(moved, nullptr);
        const auto kept = co_await a->next(1s);
        EXPECT_NE(kept, nullptr);
        EXPECT_EQ(moved->records.size() + kept->records.size(), 20U);
        for (const auto& record : moved->records) b->done(record.place);
        for (const auto& record : kept->records) a->done(record.place);
        co_await a->close();
        co_await b->close();
    });
}

TEST_F(EmbeddedBusTest, without_a_group_records_are_read_from_the_time_given_and_dropped) {
    struct Hands : Clock {
        Timestamp time{};
        Timestamp now() const override { return time; }
    } clock;
    run([&]() -> awaitable<void> {
        EmbeddedOptions options;
        options.max_records = 10;
        EmbeddedBus bus{options, clock};
        EXPECT_TRUE((co_await bus.produce(messages("t", 4, "old"))).has_value());
        clock.time += 1h;
        EXPECT_TRUE((co_await bus.produce(messages("t", 6, "new"))).has_value());
        ReplaySubscription subscription{"t"};
        subscription.since = clock.time;
        const auto consumer = bus.replay(subscription, strand);
        EXPECT_FALSE(consumer->caught_up());
        const auto batch = co_await consumer->next(1s);
        EXPECT_EQ(batch->records.size(), 6U);
        EXPECT_EQ(batch->records[0].value, "new");
        EXPECT_TRUE(consumer->caught_up());
        EXPECT_EQ(consumer->caught_up_percent(), 100);
        EXPECT_TRUE((co_await bus.produce(messages("t", 10))).has_value());
        EXPECT_EQ(consumer->lag(), 10);
        co_await consumer->close();
    });
}

// Producers and consumers on four threads; run under TSan.
TEST(EmbeddedBusThreads, producers_and_readers_on_many_strands_lose_and_repeat_nothing) {
    constexpr int producers = 4;
    constexpr int calls = 200;
    constexpr int per_call = 5;
    asio::io_context io{4};
    EmbeddedOptions options;
    options.max_records = 300;
    options.partitions = 4;
    EmbeddedBus bus{options};
    std::mutex mutex;
    std::multiset<std::string> seen;
    std::atomic<int> open{producers};
    std::atomic<int> readers{3};
    for (int r = 0; r < 3; ++r) {
        const auto strand = asio::make_strand(io);
        // Before the first record: a topic that nobody reads drops its oldest.
        const std::shared_ptr<Consumer> consumer{bus.subscribe({"t", "g"}, strand)};
        aio::spawn(strand, "read", [&, consumer]() -> awaitable<void> {
            while (open > 0) {
                const auto batch = co_await consumer->next(5ms);
                if (!batch) continue;
                for (const auto& record : batch->records) {
                    const std::lock_guard lock{mutex};
                    seen.emplace(*record.value);
                }
                for (const auto& record : batch->records) consumer->done(record.place);
            }
            co_await consumer->close();
            --readers;
        });
    }
    for (int p = 0; p < producers; ++p) {
        aio::spawn(asio::make_strand(io), "produce", [&, p]() -> awaitable<void> {
            for (int c = 0; c < calls;) {
                std::vector<Message> some;
                for (int i = 0; i < per_call; ++i)
                    some.push_back(
                        {"t", "k" + std::to_string(i), std::to_string((p * calls + c) * per_call + i)});
                const auto places = co_await bus.produce(std::move(some));
                if (places)
                    ++c;
                else
                    co_await aio::pause(1ms);
            }
            --open;
        });
    }
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) threads.emplace_back([&io] { io.run_for(60s); });
    threads.clear();
    EXPECT_EQ(readers, 0);
    EXPECT_EQ(seen.size(), static_cast<std::size_t>(producers * calls * per_call));
    EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), seen.size());
}

}  // namespace
}  // namespace stepcast::bus
