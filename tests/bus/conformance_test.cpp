// What every bus promises. The Kafka instantiation needs a real broker.
#include <algorithm>
#include <ranges>
#include <set>

#include "bus/bus_test.hpp"

namespace stepcast::bus_test {
namespace {

INSTANTIATE_TEST_SUITE_P(Buses, BusTest,
                         testing::Values(Kind{"embedded", make_embedded}, Kind{"kafka", make_kafka}),
                         [](const auto& info) { return std::string{info.param.name}; });

std::multiset<int> values(const std::vector<Kept>& kept) {
    std::multiset<int> all;
    for (const auto& record : kept) all.insert(std::stoi(record.value));
    return all;
}

std::multiset<int> sequence(int n) {
    const auto all = std::views::iota(0, n);
    return {all.begin(), all.end()};
}

TEST_P(BusTest, records_of_one_key_keep_their_order) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        co_await publish(bus, numbered(topic, 500));
        co_await publish(bus, numbered(topic, 500, 7, 500));
        const auto consumer = reader(bus);
        const auto kept = co_await take(*consumer, 1000, true);
        EXPECT_EQ(values(kept), sequence(1000));
        std::map<std::string, int> last;
        std::map<std::string, std::int32_t> home;
        for (const auto& record : kept) {
            const int n = std::stoi(record.value);
            EXPECT_EQ(record.key, "key-" + std::to_string(n % 7));
            if (last.contains(record.key)) EXPECT_GT(n, last[record.key]);
            last[record.key] = n;
            EXPECT_EQ(home.emplace(record.key, record.place.partition).first->second, record.place.partition);
        }
        co_await consumer->close();
    });
}

TEST_P(BusTest, a_record_keeps_key_value_and_time) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        const auto before = system_clock().now();
        const std::string value{"\0two\xff", 5};
        std::vector<Message> messages{{topic, "작업-1", value}, {topic, "", "keyless"}};
        const auto places = co_await publish(bus, messages);
        const auto after = system_clock().now();
        const auto consumer = reader(bus);
        std::size_t seen = 0;
        while (seen < 2) {
            const auto batch = co_await consumer->next(10s);
            EXPECT_NE(batch, nullptr);
            if (!batch) co_return;
            for (const auto& record : batch->records) {
                ++seen;
                consumer->done(record.place);
                EXPECT_GE(record.timestamp, before - 1s);
                EXPECT_LE(record.timestamp, after + 1s);
                const bool keyed = record.key.has_value();
                EXPECT_EQ(record.key.value_or("작업-1"), "작업-1");
                EXPECT_EQ(record.value, keyed ? value : "keyless");
                EXPECT_EQ(record.place.offset, places[keyed ? 0 : 1].offset);
                EXPECT_EQ(record.place.partition, places[keyed ? 0 : 1].partition);
            }
        }
        co_await consumer->close();
    });
}

TEST_P(BusTest, members_of_a_group_share_the_partitions_and_see_every_record_once) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        const auto a = reader(bus);
        const auto b = reader(bus);
        // Both have partitions once both were handed something.
        bool a_has = false;
        bool b_has = false;
        for (int round = 0; round < 200 && !(a_has && b_has); ++round) {
            const auto probe = produce_beside(bus, loop.strand, numbered(topic, 20, 20));
            while (!probe->ended) {
                a_has |= !(co_await take(*a, 1, true, 50ms)).empty();
                b_has |= !(co_await take(*b, 1, true, 50ms)).empty();
            }
        }
        EXPECT_TRUE(a_has && b_has);
        while (!(co_await take(*a, 1, true, 300ms)).empty() || !(co_await take(*b, 1, true, 300ms)).empty())
            continue;
        const auto outcome = produce_beside(bus, loop.strand, numbered(topic, 400, 40));
        std::vector<Kept> all;
        std::set<std::int32_t> of_a;
        std::set<std::int32_t> of_b;
        co_await until([&] { return outcome->ended || bus.kind() == "embedded"; });
        for (int quiet = 0; quiet < 3 && all.size() <= 400;) {
            const auto from_a = co_await take(*a, 400, true, 200ms);
            const auto from_b = co_await take(*b, 400, true, 200ms);
            for (const auto& record : from_a) of_a.insert(record.place.partition);
            for (const auto& record : from_b) of_b.insert(record.place.partition);
            all.insert(all.end(), from_a.begin(), from_a.end());
            all.insert(all.end(), from_b.begin(), from_b.end());
            quiet = from_a.empty() && from_b.empty() ? quiet + 1 : 0;
        }
        EXPECT_EQ(values(all), sequence(400));
        EXPECT_FALSE(of_a.empty());
        EXPECT_FALSE(of_b.empty());
        for (const auto partition : of_a) EXPECT_FALSE(of_b.contains(partition)) << partition;
        co_await a->close();
        co_await b->close();
    });
}

TEST_P(BusTest, each_group_sees_every_record) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        const auto one = reader(bus, "one");
        const auto two = reader(bus, "two");
        const auto outcome = produce_beside(bus, loop.strand, numbered(topic, 300));
        EXPECT_EQ(values(co_await take(*one, 300, true)), sequence(300));
        EXPECT_EQ(values(co_await take(*two, 300, true)), sequence(300));
        EXPECT_TRUE(co_await until([&] { return outcome->ended; }));
        EXPECT_FALSE(outcome->error) << outcome->error.message();
        co_await one->close();
        co_await two->close();
    });
}

TEST_P(BusTest, what_was_done_is_remembered_across_a_resubscribe) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        co_await publish(bus, numbered(topic, 200));
        auto consumer = reader(bus);
        EXPECT_EQ((co_await take(*consumer, 200, true)).size(), 200U);
        co_await consumer->close();
        consumer = reader(bus);
        const auto outcome = produce_beside(bus, loop.strand, numbered(topic, 50, 7, 200));
        const auto kept = co_await take(*consumer, 50, true);
        EXPECT_EQ(kept.size(), 50U);
        for (const auto& record : kept) EXPECT_GE(std::stoi(record.value), 200);
        co_await consumer->close();
        EXPECT_TRUE(co_await until([&] { return outcome->ended; }));
    });
}

TEST_P(BusTest, what_was_not_done_is_given_again) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        co_await publish(bus, numbered(topic, 100));
        auto consumer = reader(bus);
        EXPECT_EQ((co_await take(*consumer, 100, false)).size(), 100U);
        co_await consumer->close();
        consumer = reader(bus);
        EXPECT_EQ(values(co_await take(*consumer, 100, true)), sequence(100));
        co_await consumer->close();
    });
}

TEST_P(BusTest, out_of_order_done_moves_only_the_contiguous_edge) {
    with_bus({.partitions = 1}, [&](bus::MessageBus& bus) -> awaitable<void> {
        co_await publish(bus, numbered(topic, 100));
        auto consumer = reader(bus);
        const auto kept = co_await take(*consumer, 100, false);
        EXPECT_EQ(kept.size(), 100U);
        for (std::size_t i = kept.size(); i-- > 0;)
            if (i != 40) consumer->done(kept[i].place);
        co_await consumer->close();
        consumer = reader(bus);
        const auto again = co_await take(*consumer, 60, false);
        EXPECT_EQ(again.size(), 60U);
        if (again.empty()) co_return;
        EXPECT_EQ(again.front().value, "40");
        for (const auto& record : again) consumer->done(record.place);
        co_await consumer->close();
        consumer = reader(bus);
        EXPECT_TRUE((co_await take(*consumer, 1, false, 2s)).empty());
        co_await consumer->close();
    });
}

TEST_P(BusTest, every_record_is_given_at_least_once_across_a_rebalance) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        constexpr int n = 3000;
        const auto topic_name = topic;
        std::vector<std::shared_ptr<Outcome>> outcomes;
        for (int first = 0; first < n; first += 100)
            outcomes.push_back(produce_beside(bus, loop.strand, numbered(topic_name, 100, 50, first)));
        std::set<int> seen;
        bool stop_first = false;
        bool first_ended = false;
        const auto work = [&seen](bus::Consumer& consumer) -> awaitable<void> {
            const auto batch = co_await consumer.next(100ms);
            if (!batch) co_return;
            co_await aio::pause(2ms);  // the effect of the batch
            for (const auto& record : batch->records) {
                seen.insert(std::stoi(std::string{*record.value}));
                consumer.done(record.place);
            }
        };
        bus::GroupSubscription subscription{topic, "workers"};
        subscription.max_batch = 50;
        const auto first = bus.subscribe(subscription, loop.strand);
        aio::spawn(loop.strand, "first", [&]() -> awaitable<void> {
            while (!stop_first) co_await work(*first);
            // Leaves with a batch that was never done.
            const auto dropped = co_await first->next(1s);
            co_await first->close();
            first_ended = true;
        });
        EXPECT_TRUE(co_await until([&] { return seen.size() > 200; }));
        const auto second = bus.subscribe(subscription, loop.strand);
        const auto end = std::chrono::steady_clock::now() + 40s;
        for (int rounds = 0; seen.size() < n && std::chrono::steady_clock::now() < end; ++rounds) {
            co_await work(*second);
            if (rounds == 10) stop_first = true;
        }
        EXPECT_EQ(seen.size(), static_cast<std::size_t>(n));
        stop_first = true;
        EXPECT_TRUE(co_await until([&] { return first_ended; }));
        for (const auto& outcome : outcomes) EXPECT_TRUE(co_await until([&] { return outcome->ended; }));
        co_await second->close();
    });
}

TEST_P(BusTest, a_reader_that_falls_behind_loses_nothing) {
    with_bus({.partitions = 1}, [&](bus::MessageBus& bus) -> awaitable<void> {
        constexpr int n = 20'000;
        for (int first = 0; first < n; first += 2000) co_await publish(bus, numbered(topic, 2000, 7, first));
        bus::GroupSubscription subscription{topic, "slow"};
        subscription.max_queued = 1000;
        subscription.max_batch = 100;
        const auto consumer = bus.subscribe(subscription, loop.strand);
        auto kept = co_await take(*consumer, 100, true);
        if (bus.kind() == "kafka") {
            EXPECT_TRUE(co_await until([&] { return bus.stats().paused == 1; }))
                << "the full queue does not show";
        }
        const auto rest = co_await take(*consumer, n - kept.size(), true, 40s);
        kept.insert(kept.end(), rest.begin(), rest.end());
        EXPECT_EQ(kept.size(), static_cast<std::size_t>(n));
        for (std::size_t i = 0; i < kept.size(); ++i)
            EXPECT_EQ(kept[i].place.offset, static_cast<std::int64_t>(i));
        co_await consumer->close();
    });
}

TEST_P(BusTest, a_topic_has_the_partitions_that_it_is_described_with) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        EXPECT_TRUE((co_await bus.ensure_topics({{topic, 2, true}, {topic + "-plain"}})).has_value());
        std::set<std::int32_t> narrow;
        std::set<std::int32_t> plain;
        for (const auto& place : co_await publish(bus, numbered(topic, 100, 50)))
            narrow.insert(place.partition);
        for (const auto& place : co_await publish(bus, numbered(topic + "-plain", 100, 50)))
            plain.insert(place.partition);
        EXPECT_EQ(narrow, (std::set<std::int32_t>{0, 1}));
        EXPECT_EQ(plain, (std::set<std::int32_t>{0, 1, 2, 3}));
        EXPECT_TRUE((co_await bus.ensure_topics({{topic, 3}})).has_value()) << "it stays as it is";
    });
}

TEST_P(BusTest, beyond_its_bound_produce_is_busy_and_nothing_is_lost) {
    with_bus({.records = 10}, [&](bus::MessageBus& bus) -> awaitable<void> {
        EXPECT_TRUE((co_await bus.ensure_topics({{topic}})).has_value());
        const auto consumer = reader(bus);
        const auto full = produce_beside(bus, loop.strand, numbered(topic, 10));
        const auto over = produce_beside(bus, loop.strand, numbered(topic, 1, 1, 10));
        EXPECT_TRUE(co_await until([&] { return over->ended; }));
        EXPECT_EQ(over->error, bus::errc::busy);
        EXPECT_EQ(values(co_await take(*consumer, 10, true)), sequence(10));
        EXPECT_TRUE(co_await until([&] { return full->ended; }));
        EXPECT_FALSE(full->error) << full->error.message();
        const auto again = produce_beside(bus, loop.strand, numbered(topic, 1, 1, 10));
        EXPECT_EQ((co_await take(*consumer, 1, true)).size(), 1U);
        EXPECT_TRUE(co_await until([&] { return again->ended; }));
        EXPECT_FALSE(again->error) << again->error.message();
        co_await consumer->close();
    });
}

TEST_P(BusTest, a_call_that_is_larger_than_the_bound_is_too_large) {
    with_bus({.records = 10}, [&](bus::MessageBus& bus) -> awaitable<void> {
        const auto refused = co_await bus.produce(numbered(topic, 11));
        EXPECT_FALSE(refused.has_value());
        if (!refused) EXPECT_EQ(refused.error().code, bus::errc::too_large);
    });
}

TEST_P(BusTest, produce_completes_with_the_places_that_readers_see) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        const auto consumer = reader(bus);
        const auto outcome = produce_beside(bus, loop.strand, numbered(topic, 100));
        const auto kept = co_await take(*consumer, 100, false);
        for (const auto& record : kept) consumer->settle(record.place);
        EXPECT_TRUE(co_await until([&] { return outcome->ended; }));
        EXPECT_FALSE(outcome->error) << outcome->error.message();
        EXPECT_EQ(outcome->places.size(), 100U);
        if (outcome->places.size() != 100) co_return;
        for (const auto& record : kept) {
            const Place place = outcome->places[static_cast<std::size_t>(std::stoi(record.value))];
            EXPECT_EQ(place.partition, record.place.partition);
            EXPECT_EQ(place.offset, record.place.offset);
            consumer->done(record.place);
        }
        co_await consumer->close();
    });
}

TEST_P(BusTest, close_waits_for_what_is_in_flight_and_then_remembers_it) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        co_await publish(bus, numbered(topic, 100));
        auto consumer = reader(bus);
        const auto kept = co_await take(*consumer, 100, false);
        EXPECT_EQ(kept.size(), 100U);
        bool closed = false;
        aio::spawn(loop.strand, "close", [&]() -> awaitable<void> {
            co_await consumer->close();
            closed = true;
        });
        co_await aio::pause(100ms);
        EXPECT_FALSE(closed);
        for (const auto& record : kept) consumer->done(record.place);
        EXPECT_TRUE(co_await until([&] { return closed; }, 5s));
        consumer = reader(bus);
        EXPECT_TRUE((co_await take(*consumer, 1, false, 2s)).empty());
        co_await consumer->close();
    });
}

TEST_P(BusTest, close_ends_within_its_deadline_with_records_in_flight) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        co_await publish(bus, numbered(topic, 100));
        const auto consumer = reader(bus);
        const auto batch = co_await consumer->next(10s);
        EXPECT_NE(batch, nullptr);
        const auto start = std::chrono::steady_clock::now();
        co_await consumer->close();
        EXPECT_LT(std::chrono::steady_clock::now() - start, 6s);
        EXPECT_EQ(co_await consumer->next(10s), nullptr);
        EXPECT_FALSE(batch->records.empty());
        EXPECT_TRUE(batch->records.front().value.has_value());  // the batch outlives its consumer
    });
}

TEST_P(BusTest, a_waiting_reader_is_quiet_for_its_limit_and_ends_with_close) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        const auto consumer = reader(bus);
        const auto start = std::chrono::steady_clock::now();
        EXPECT_EQ(co_await consumer->next(300ms), nullptr);
        EXPECT_GE(std::chrono::steady_clock::now() - start, 290ms);
        bool ended = false;
        aio::spawn(loop.strand, "wait", [&]() -> awaitable<void> {
            EXPECT_EQ(co_await consumer->next(60s), nullptr);
            ended = true;
        });
        co_await consumer->close();
        EXPECT_TRUE(co_await until([&] { return ended; }, 5s));
    });
}

TEST_P(BusTest, statistics_tell_head_and_position_of_each_partition) {
    with_bus({.partitions = 1}, [&](bus::MessageBus& bus) -> awaitable<void> {
        co_await publish(bus, numbered(topic, 100));
        const auto consumer = reader(bus);
        const auto kept = co_await take(*consumer, 100, false);
        EXPECT_EQ(kept.size(), 100U);
        for (std::size_t i = 0; i < 60; ++i) consumer->done(kept[i].place);
        const auto shown = [&] {
            const auto stats = bus.stats();
            return stats.partitions.size() == 1 && stats.partitions[0].head == 100 &&
                   stats.partitions[0].position == 60;
        };
        EXPECT_TRUE(co_await until(shown, 5s));
        EXPECT_EQ(bus.stats().produced, 100U);
        EXPECT_EQ(consumer->lag(), 0);
        EXPECT_TRUE(consumer->healthy() && bus.healthy() && bus.stats().connected);
        for (const auto& record : kept) consumer->done(record.place);
        co_await consumer->close();
    });
}

}  // namespace
}  // namespace stepcast::bus_test
