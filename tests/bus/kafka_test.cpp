// What only Kafka promises, against a real broker.
#include <algorithm>
#include <set>

#include "base/random.hpp"
#include "bus/harness.hpp"
#include "bus/raw_client.hpp"
#include "flow/dead_letters.hpp"
#include "kafka/kafka_bus.hpp"

namespace stepcast::bus_test {
namespace {

class KafkaTest : public testing::Test {
  protected:
    void with_bus(kafka::Config config, std::function<awaitable<void>(bus::MessageBus&)> body) {
        ASSERT_FALSE(broker_address().empty()) << how_to_start;
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
    void with_bus(std::function<awaitable<void>(bus::MessageBus&)> body) {
        with_bus(kafka_config(), std::move(body));
    }

    /// Buries the record that the topic holds, then sees that one more is handed out; what was counted: the
    /// letter, and that it was not kept.
    awaitable<std::uint64_t> bury_first(bus::MessageBus& bus) {
        const auto consumer = bus.subscribe({topic, readers}, loop.strand);
        flow::DeadLetters letters{bus};
        const auto batch = co_await consumer->next(10s);
        EXPECT_NE(batch, nullptr);
        if (!batch) co_return 0;
        const std::vector<flow::DeadLetters::Letter> letter{
            {&batch->records.front(), "malformed", "no JSON"}};
        EXPECT_TRUE(co_await letters.bury({.consumer = {}, .topic = topic}, letter));
        consumer->done(batch->records.front().place);
        EXPECT_TRUE((co_await bus.produce(numbered(topic, 1))).has_value());
        EXPECT_EQ((co_await take(*consumer, 1, true)).size(), 1U);
        co_await consumer->close();
        const auto counts = letters.counts();
        EXPECT_EQ(counts.at({topic, "malformed"}), 1U);
        const auto not_kept = counts.find({topic, "not-kept"});
        co_return 1 + (not_kept == counts.end() ? 0 : not_kept->second);
    }

    Loop loop;
    std::string topic = fresh("kafka");
};

TEST_F(KafkaTest, produce_waits_for_no_reader) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        const auto consumer = bus.subscribe({topic, readers}, loop.strand);
        const auto places = co_await bus.produce(numbered(topic, 10));
        EXPECT_TRUE(places.has_value());
        EXPECT_EQ(bus.stats().produced, 10U);
        co_await consumer->close();
    });
}

// Java's default partitioner: a foreign producer puts the same key on the same partition (values from Kafka's
// own UtilsTest for murmur2).
TEST_F(KafkaTest, keys_lie_where_foreign_producers_put_them) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        const std::map<std::string, std::int32_t> murmur2 = {
            {"21", -973932308},
            {"foobar", -790332482},
            {"a-little-bit-long-string", -985981536},
            {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971}};
        for (const auto& [key, hash] : murmur2) {
            std::vector<Message> messages{{topic, key, "x"}};
            const auto places = co_await bus.produce(std::move(messages));
            EXPECT_TRUE(places.has_value());
            if (places) EXPECT_EQ(places->front().partition, (hash & 0x7fffffff) % 4) << key;
        }
    });
}

TEST_F(KafkaTest, a_tombstone_has_a_key_and_no_value) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        EXPECT_TRUE((co_await bus.ensure_topics({{topic}})).has_value());
        RawClient raw{broker_address()};
        raw.produce_tombstone(topic, "gone");
        const auto consumer = bus.subscribe({topic, readers}, loop.strand);
        const auto batch = co_await consumer->next(10s);
        EXPECT_NE(batch, nullptr);
        if (batch) {
            EXPECT_EQ(batch->records.front().key, "gone");
            EXPECT_FALSE(batch->records.front().value.has_value());
            consumer->done(batch->records.front().place);
        }
        co_await consumer->close();
    });
}

TEST_F(KafkaTest, a_dead_letter_keeps_key_value_place_and_error_and_consumption_goes_on) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        const std::string poison{"{\"broken\": \xff\0", 13};
        std::vector<Message> messages{{topic, "task-1", poison}, {topic, "task-1", "good"}};
        const auto places = co_await bus.produce(std::move(messages));
        EXPECT_TRUE(places.has_value());
        RawClient raw{broker_address()};
        raw.produce_tombstone(topic, "task-1");
        const auto consumer = bus.subscribe({topic, readers}, loop.strand);
        flow::DeadLetters letters{bus};
        std::vector<Place> poisoned;
        for (std::size_t seen = 0; seen < 3;) {
            const auto batch = co_await consumer->next(10s);
            EXPECT_NE(batch, nullptr);
            if (!batch) co_return;
            for (const auto& record : batch->records) {
                ++seen;
                if (record.value != "good") {
                    const std::vector<flow::DeadLetters::Letter> letter{
                        {&record, "invalid-json", "줄 1: no value"}};
                    EXPECT_TRUE(co_await letters.bury({.consumer = {}, .topic = topic}, letter));
                    poisoned.push_back(record.place);
                }
                consumer->done(record.place);
            }
        }
        co_await consumer->close();
        EXPECT_EQ(poisoned.size(), 2U);
        const auto buried = raw.read_all(topic + ".dlq");
        EXPECT_EQ(buried.size(), 2U);
        for (std::size_t i = 0; i < std::min<std::size_t>(2, buried.size()); ++i) {
            const auto place = std::ranges::find_if(poisoned, [&](const Place& p) {
                return buried[i].key ==
                       topic + "-" + std::to_string(p.partition) + "-" + std::to_string(p.offset);
            });
            EXPECT_NE(place, poisoned.end()) << buried[i].key;
            if (place == poisoned.end()) continue;
            EXPECT_EQ(buried[i].value, place->offset == places->front().offset ? poison : "");
            const std::map<std::string, std::string> headers = {
                {"dlq.topic", topic},
                {"dlq.partition", std::to_string(place->partition)},
                {"dlq.offset", std::to_string(place->offset)},
                {"dlq.key", "task-1"},
                {"dlq.error.class", "invalid-json"},
                {"dlq.error.message", "줄 1: no value"},
                {"dlq.attempts", "1"}};
            EXPECT_EQ(buried[i].headers, headers);
        }
        EXPECT_EQ(letters.counts().at({topic, "invalid-json"}), 2U);
    });
}

TEST_F(KafkaTest, a_record_too_large_for_its_dead_letter_leaves_its_place_and_consumption_goes_on) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        RawClient raw{broker_address()};
        raw.create_topic(topic, 1);
        constexpr std::size_t size = 1'048'300;
        raw.produce_at(topic, "task-1", std::string(size, 'x'), system_clock().now());
        raw.flush();
        EXPECT_EQ((co_await bury_first(bus)), 1U);
        auto buried = raw.read_all(topic + ".dlq");
        EXPECT_EQ(buried.size(), 1U);
        if (buried.empty()) co_return;
        EXPECT_EQ(buried[0].key, topic + "-0-0");
        EXPECT_TRUE(buried[0].value.empty());
        EXPECT_EQ(buried[0].headers["dlq.offset"], "0");
        EXPECT_EQ(buried[0].headers["dlq.truncated"], std::to_string(size));
    });
}

TEST_F(KafkaTest, a_dead_letter_that_fits_nowhere_is_counted_and_consumption_goes_on) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        RawClient raw{broker_address()};
        raw.create_topic(topic, 1);
        raw.create_topic(topic + ".dlq", 1, 100);
        raw.produce_at(topic, "task-1", "poison", system_clock().now());
        raw.flush();
        EXPECT_EQ((co_await bury_first(bus)), 2U);
        EXPECT_TRUE(raw.read_all(topic + ".dlq").empty());
    });
}

TEST_F(KafkaTest, without_a_group_reading_starts_at_the_time_given_and_says_when_it_caught_up) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        EXPECT_TRUE((co_await bus.ensure_topics({{topic}})).has_value());
        const auto now = system_clock().now();
        RawClient raw{broker_address()};
        for (int i = 0; i < 50; ++i) raw.produce_at(topic, "key-" + std::to_string(i), "old", now - 1h);
        for (int i = 0; i < 50; ++i) raw.produce_at(topic, "key-" + std::to_string(i), "new", now);
        raw.flush();
        bus::ReplaySubscription subscription{topic};
        subscription.since = now - 1min;
        const auto consumer = bus.replay(subscription, loop.strand);
        EXPECT_FALSE(consumer->caught_up());
        std::size_t seen = 0;
        while (!consumer->caught_up()) {
            const auto batch = co_await consumer->next(10s);
            if (!batch) break;
            for (const auto& record : batch->records) EXPECT_EQ(record.value, "new");
            seen += batch->records.size();
        }
        EXPECT_EQ(seen, 50U);
        EXPECT_EQ(consumer->too_old(), 50);
        EXPECT_TRUE(consumer->caught_up());
        EXPECT_EQ(consumer->caught_up_percent(), 100);
        // What comes later is read too, and nothing is remembered: the next one reads the same again.
        EXPECT_TRUE((co_await bus.produce(numbered(topic, 5))).has_value());
        EXPECT_EQ((co_await take(*consumer, 5, true)).size(), 5U);
        co_await consumer->close();
        const auto again = bus.replay(subscription, loop.strand);
        EXPECT_EQ((co_await take(*again, 55, true)).size(), 55U);
        co_await again->close();
    });
}

TEST_F(KafkaTest, without_a_group_and_nothing_newer_reading_starts_at_the_end) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        EXPECT_TRUE((co_await bus.produce(numbered(topic, 50))).has_value());
        bus::ReplaySubscription subscription{topic};
        subscription.since = system_clock().now() + 1h;
        const auto consumer = bus.replay(subscription, loop.strand);
        EXPECT_TRUE(co_await until([&] { return consumer->caught_up(); }));
        EXPECT_EQ(consumer->too_old(), 50);
        EXPECT_EQ(co_await consumer->next(300ms), nullptr);
        EXPECT_TRUE((co_await bus.produce(numbered(topic, 5, 7, 50))).has_value());
        const auto kept = co_await take(*consumer, 5, true);
        EXPECT_EQ(kept.size(), 5U);
        for (const auto& record : kept) EXPECT_GE(std::stoi(record.value), 50);
        co_await consumer->close();
    });
}

TEST_F(KafkaTest, without_a_group_each_reader_sees_everything) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        EXPECT_TRUE((co_await bus.produce(numbered(topic, 500))).has_value());
        const auto a = bus.replay({topic}, loop.strand);
        const auto b = bus.replay({topic}, loop.strand);
        EXPECT_EQ((co_await take(*a, 500, true)).size(), 500U);
        EXPECT_EQ((co_await take(*b, 500, true)).size(), 500U);
        EXPECT_TRUE(a->caught_up() && b->caught_up());
        co_await a->close();
        co_await b->close();
    });
}

TEST_F(KafkaTest, partitions_that_are_added_are_read_within_a_minute) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        EXPECT_TRUE((co_await bus.produce(numbered(topic, 100))).has_value());
        const auto alone = bus.replay({topic}, loop.strand);
        const auto member = bus.subscribe({topic, readers}, loop.strand);
        EXPECT_EQ((co_await take(*alone, 100, true)).size(), 100U);
        EXPECT_EQ((co_await take(*member, 100, true)).size(), 100U);
        RawClient raw{broker_address()};
        raw.grow_topic(topic, 5);
        raw.produce_at(topic, "k", "first of its partition", system_clock().now(), 4);
        raw.flush();
        for (const auto& consumer : {alone.get(), member.get()}) {
            const auto kept = co_await take(*consumer, 1, true, 50s);
            EXPECT_EQ(kept.size(), 1U);
            if (!kept.empty()) EXPECT_EQ(kept.front().place.partition, 4);
        }
        co_await alone->close();
        co_await member->close();
    });
}

TEST_F(KafkaTest, a_topic_that_is_made_again_is_made_as_it_was_described) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        RawClient raw{broker_address()};
        EXPECT_TRUE((co_await bus.ensure_topics({{topic, 1, true}})).has_value());
        EXPECT_EQ(raw.setting(topic, "cleanup.policy"), "compact");
        raw.delete_topic(topic);
        const auto consumer = bus.subscribe({topic, readers}, loop.strand);
        EXPECT_TRUE(co_await until([&] { return consumer->healthy(); }));
        EXPECT_EQ(raw.setting(topic, "cleanup.policy"), "compact");
        EXPECT_EQ(raw.setting(topic + "-other", "cleanup.policy"), "");
        co_await consumer->close();
    });
}

TEST_F(KafkaTest, a_topic_that_is_deleted_under_a_producer_alone_is_made_again_as_it_was_described) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        RawClient raw{broker_address()};
        EXPECT_TRUE((co_await bus.ensure_topics({{topic, 1, true}})).has_value());
        EXPECT_TRUE((co_await bus.produce(numbered(topic, 1))).has_value());
        raw.delete_topic(topic);
        bool refused = false;
        bool taken = false;
        for (int i = 0; i < 50 && !(refused && taken); ++i) {
            taken = (co_await bus.produce(numbered(topic, 1))).has_value();
            refused |= !taken;
            if (taken) co_await aio::pause(100ms);  // the client has not heard of it yet
        }
        EXPECT_TRUE(refused) << "its deletion was never seen";
        EXPECT_TRUE(taken) << "it was not made again";
        EXPECT_EQ(raw.setting(topic, "cleanup.policy"), "compact");
    });
}

TEST_F(KafkaTest, a_topic_that_may_not_be_made_is_named) {
    auto config = kafka_config();
    config.create_topics = false;
    with_bus(std::move(config), [&](bus::MessageBus& bus) -> awaitable<void> {
        const auto ensured = co_await bus.ensure_topics({{topic}});
        EXPECT_FALSE(ensured.has_value());
        if (ensured) co_return;
        EXPECT_EQ(ensured.error().code, bus::errc::unknown_topic);
        EXPECT_NE(ensured.error().text().find(topic), std::string::npos);
        const auto produced = co_await bus.produce(numbered(topic, 1));
        EXPECT_FALSE(produced.has_value());
        if (!produced) EXPECT_EQ(produced.error().code, bus::errc::unknown_topic);
        const auto consumer = bus.subscribe({topic, readers}, loop.strand);
        EXPECT_EQ(co_await consumer->next(500ms), nullptr);
        EXPECT_FALSE(consumer->healthy());
        // It is made by somebody else: reading starts by itself.
        RawClient{broker_address()}.create_topic(topic, 2);
        EXPECT_TRUE(co_await until([&] { return consumer->healthy(); }));
        co_await consumer->close();
    });
}

TEST_F(KafkaTest, a_reader_of_a_topic_that_never_appears_ends_with_close) {
    auto config = kafka_config();
    config.create_topics = false;
    with_bus(std::move(config), [&](bus::MessageBus& bus) -> awaitable<void> {
        const auto consumer = bus.subscribe({topic, readers}, loop.strand);
        EXPECT_EQ(co_await consumer->next(100ms), nullptr);
        co_await consumer->close();
        EXPECT_EQ(co_await consumer->next(10s), nullptr);
    });
}

TEST_F(KafkaTest, a_property_that_librdkafka_refuses_is_named) {
    const auto refused = [&](const std::string& name, const std::string& value) {
        auto config = kafka_config();
        config.properties[name] = value;
        const auto bus = kafka::KafkaBus::open(loop.io, config);
        return bus ? std::string{} : bus.error().text();
    };
    EXPECT_THAT(refused("no.such.property", "1"), testing::StartsWith("kafka.properties.no.such.property: "));
    EXPECT_THAT(refused("session.timeout.ms", "soon"),
                testing::StartsWith("kafka.properties.session.timeout.ms: "));
    EXPECT_THAT(refused("enable.auto.commit", "true"),
                testing::StartsWith("kafka.properties.enable.auto.commit: "));
    EXPECT_THAT(refused("acks", "0"), testing::HasSubstr("Stepcast"));
    EXPECT_EQ(refused("compression.type", "lz4"), "");
}

TEST_F(KafkaTest, a_record_beyond_the_limit_is_too_large_and_refuses_the_call) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        std::vector<Message> messages{{topic, "k", "small"}, {topic, "k", std::string(2'000'000, 'x')}};
        const auto produced = co_await bus.produce(std::move(messages));
        EXPECT_FALSE(produced.has_value());
        if (!produced) EXPECT_EQ(produced.error().code, bus::errc::too_large);
        EXPECT_EQ(bus.stats().produced, 0U);
    });
}

TEST_F(KafkaTest, a_reader_that_takes_nothing_keeps_its_place_in_the_group) {
    auto config = kafka_config();
    config.properties["max.poll.interval.ms"] = "6000";
    config.properties["session.timeout.ms"] = "6000";
    with_bus(std::move(config), [&](bus::MessageBus& bus) -> awaitable<void> {
        EXPECT_TRUE((co_await bus.produce(numbered(topic, 100))).has_value());
        const auto consumer = bus.subscribe({topic, readers}, loop.strand);
        const auto kept = co_await take(*consumer, 100, false);
        EXPECT_EQ(kept.size(), 100U);
        co_await aio::pause(7500ms);  // the span itself is what is tested
        EXPECT_EQ(bus.stats().rebalances, 1U);
        for (const auto& record : kept) consumer->done(record.place);
        co_await consumer->close();
        const auto again = bus.subscribe({topic, readers}, loop.strand);
        EXPECT_TRUE((co_await take(*again, 1, false, 2s)).empty());
        co_await again->close();
    });
}

}  // namespace
}  // namespace stepcast::bus_test
