// Reading without a group from offsets that the reader keeps itself, and what happens to a topic meanwhile.
#include <fmt/format.h>
#include <set>

#include "bus/bus_test.hpp"
#include "bus/raw_client.hpp"
#include "kafka/kafka_bus.hpp"

namespace stepcast::bus_test {
namespace {

std::multiset<std::string> texts(const std::vector<Kept>& kept) {
    std::multiset<std::string> all;
    for (const auto& record : kept) all.insert(record.value);
    return all;
}

TEST_P(BusTest, without_a_group_reading_goes_on_at_the_offsets_given) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        const auto messages = numbered(topic, 200, 20);
        const auto places = co_await publish(bus, messages);
        bus::ReplaySubscription subscription{topic};
        subscription.from = {{0, 5}, {1, 0}, {2, 7}};
        std::multiset<std::string> expected;
        for (std::size_t i = 0; i < places.size(); ++i) {
            const auto from = subscription.from.find(places[i].partition);
            if (from == subscription.from.end() || places[i].offset >= from->second)
                expected.insert(messages[i].value);
        }
        EXPECT_LT(expected.size(), places.size());
        const auto consumer = bus.replay(subscription, loop.strand);
        EXPECT_EQ(texts(co_await take(*consumer, expected.size(), true)), expected);
        EXPECT_TRUE(co_await until([&] { return consumer->caught_up(); }));
        EXPECT_EQ(bus.stats().missed, 0U);
        co_await consumer->close();
    });
}

TEST_P(BusTest, an_offset_at_the_end_waits_and_one_beyond_it_begins_again) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        std::map<std::int32_t, std::int64_t> ends;
        for (const auto& [partition, offset, again] : co_await publish(bus, numbered(topic, 100, 20)))
            ends[partition] = offset + 1;
        EXPECT_GT(ends.size(), 1U);
        bus::ReplaySubscription subscription{topic};
        subscription.from = ends;
        const auto [beyond, end] = *ends.begin();
        subscription.from[beyond] = end + 1;
        const auto consumer = bus.replay(subscription, loop.strand);
        const auto kept = co_await take(*consumer, static_cast<std::size_t>(end), true);
        for (std::size_t i = 0; i < kept.size(); ++i) {
            EXPECT_EQ(kept[i].place.partition, beyond);
            EXPECT_EQ(kept[i].place.offset, static_cast<std::int64_t>(i));
        }
        EXPECT_EQ(co_await consumer->next(300ms), nullptr);
        EXPECT_EQ(bus.stats().missed, 0U);
        co_await consumer->close();
    });
}

class AloneTest : public testing::Test {
  protected:
    void with_bus(std::function<awaitable<void>(bus::MessageBus&)> body) {
        ASSERT_FALSE(broker_address().empty()) << how_to_start;
        auto config = kafka_config({.partitions = 1});
        config.create_topics = false;  // who deletes a topic makes it again
        auto bus = kafka::KafkaBus::open(loop.io, std::move(config));
        ASSERT_TRUE(bus.has_value()) << bus.error().text();
        loop.run(
            [&]() -> awaitable<void> {
                co_await body(**bus);
                co_await (*bus)->close();
            },
            110s);
        loop.expect_idle();
    }

    awaitable<void> publish(bus::MessageBus& bus, int first, int n) {
        const auto produced = co_await bus.produce(numbered(topic, n, 7, first));
        EXPECT_TRUE(produced.has_value()) << produced.error().text();
    }

    Loop loop;
    std::string topic = fresh("alone");
};

TEST_F(AloneTest, records_that_expired_before_they_were_read_are_counted) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        RawClient raw{broker_address()};
        raw.create_topic(topic, 1);
        co_await publish(bus, 0, 20);
        raw.delete_records(topic, 0, 12);
        bus::ReplaySubscription subscription{topic};
        subscription.from = {{0, 5}};
        const auto consumer = bus.replay(subscription, loop.strand);
        const auto kept = co_await take(*consumer, 8, true);
        EXPECT_EQ(kept.size(), 8U);
        if (!kept.empty()) EXPECT_EQ(kept.front().place.offset, 12);
        EXPECT_TRUE(co_await until([&] { return bus.stats().missed == 7; })) << bus.stats().missed;
        co_await consumer->close();
        EXPECT_EQ(bus.stats().missed, 7U);
    });
}

TEST_F(AloneTest, a_topic_made_again_while_it_is_read_begins_again) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        RawClient raw{broker_address()};
        raw.create_topic(topic, 1);
        co_await publish(bus, 0, 50);
        const auto alone = bus.replay({.topic = topic, .lag_group = fresh("lag")}, loop.strand);
        const auto member = bus.subscribe({topic, readers}, loop.strand);
        EXPECT_EQ((co_await take(*alone, 50, true)).size(), 50U);
        EXPECT_EQ((co_await take(*member, 50, true)).size(), 50U);
        // Each time with fewer records: one that has grown past where reading stood looks like the old one.
        for (const int n : {20, 5}) {
            raw.delete_topic(topic);
            raw.create_topic(topic, 1);
            std::multiset<std::string> given;
            for (int i = 0; i < n; ++i) {
                given.insert(fmt::format("{} of {}", i, n));
                const auto value = fmt::format("{} of {}", i, n);
                EXPECT_TRUE(co_await until([&] { return raw.produce_to(topic, 0, value); }));
            }
            for (const auto& consumer : {alone.get(), member.get()}) {
                const auto kept = co_await take(*consumer, given.size(), true, 50s);
                EXPECT_EQ(texts(kept), given);
                if (!kept.empty()) EXPECT_EQ(kept.front().place.offset, 0);
                EXPECT_EQ(consumer->lag(), 0);
            }
        }
        EXPECT_EQ(bus.stats().missed, 0U);
        co_await alone->close();
        co_await member->close();
    });
}

TEST_F(AloneTest, a_topic_that_was_away_for_a_while_is_found_again_with_all_its_partitions) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        RawClient raw{broker_address()};
        raw.create_topic(topic, 2);
        for (int p = 0; p < 2; ++p)
            for (int i = 0; i < 5; ++i) raw.produce_at(topic, "k", "old", system_clock().now(), p);
        raw.flush();
        const auto consumer = bus.replay({topic}, loop.strand);
        EXPECT_EQ((co_await take(*consumer, 10, true)).size(), 10U);
        EXPECT_TRUE(consumer->healthy());
        raw.delete_topic(topic);
        const auto absent = [&]() -> awaitable<bool> {
            for (int i = 0; i < 400 && consumer->healthy(); ++i)
                if (co_await consumer->next(100ms)) co_return false;
            co_return !consumer->healthy();
        };
        EXPECT_TRUE(co_await absent());
        // It has grown past where reading stood before anybody looks: nothing of it is skipped.
        raw.create_topic(topic, 3);
        EXPECT_TRUE(co_await until([&] { return raw.produce_to(topic, 2, "new"); }));
        RawClient fresh_client{broker_address()};
        for (int p = 0; p < 2; ++p)
            for (int i = 0; i < 8; ++i) fresh_client.produce_at(topic, "k", "new", system_clock().now(), p);
        fresh_client.flush();
        const auto kept = co_await take(*consumer, 17, true, 40s);
        EXPECT_EQ(kept.size(), 17U);
        for (const auto& record : kept) EXPECT_EQ(record.value, "new");
        EXPECT_TRUE(co_await until([&] { return consumer->healthy(); }));
        co_await consumer->close();
    });
}

TEST_F(AloneTest, a_reader_ends_while_its_topic_is_away) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        RawClient raw{broker_address()};
        raw.create_topic(topic, 2);
        co_await publish(bus, 0, 10);
        const auto consumer = bus.replay({topic}, loop.strand);
        EXPECT_EQ((co_await take(*consumer, 10, true)).size(), 10U);
        raw.delete_topic(topic);
        EXPECT_TRUE(co_await until([&] { return !consumer->healthy(); }));
        const auto start = std::chrono::steady_clock::now();
        co_await consumer->close();
        EXPECT_LT(std::chrono::steady_clock::now() - start, 7s);
    });
}

TEST_F(AloneTest, what_is_done_is_noted_for_lag_tools_and_nobody_reads_from_there) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        RawClient raw{broker_address()};
        raw.create_topic(topic, 1);
        co_await publish(bus, 0, 30);
        const auto name = fresh("lag");
        const bus::ReplaySubscription subscription{.topic = topic, .from = {{0, 10}}, .lag_group = name};
        auto consumer = bus.replay(subscription, loop.strand);
        const auto kept = co_await take(*consumer, 20, false);
        for (const auto& record : kept)
            if (record.place.offset != 25) consumer->done(record.place);
        EXPECT_TRUE(co_await until([&] { return raw.committed(name, topic) == 25; }));
        consumer->done({0, 25});
        co_await consumer->close();
        EXPECT_EQ(raw.committed(name, topic), 30);
        consumer = bus.replay(subscription, loop.strand);
        EXPECT_EQ((co_await take(*consumer, 20, true)).size(), 20U);
        co_await consumer->close();
    });
}

TEST_F(AloneTest, a_lag_group_that_others_consume_in_disturbs_nobody) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        RawClient raw{broker_address()};
        raw.create_topic(topic, 1);
        co_await publish(bus, 0, 10);
        const auto name = fresh("lag");
        const auto member = bus.subscribe({topic, name}, loop.strand);
        EXPECT_EQ((co_await take(*member, 10, true)).size(), 10U);
        const auto alone = bus.replay({.topic = topic, .lag_group = name}, loop.strand);
        EXPECT_EQ((co_await take(*alone, 10, true)).size(), 10U);
        co_await publish(bus, 10, 10);
        EXPECT_EQ((co_await take(*alone, 10, true)).size(), 10U);
        EXPECT_EQ((co_await take(*member, 10, true)).size(), 10U);
        co_await alone->close();
        co_await member->close();
    });
}

}  // namespace
}  // namespace stepcast::bus_test
