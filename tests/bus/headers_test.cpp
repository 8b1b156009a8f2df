// What every bus promises of headers, and what a dead letter says in its own.
#include <map>
#include <string>
#include <vector>

#include "bus/bus_test.hpp"
#include "flow/dead_letters.hpp"

namespace stepcast::bus_test {
namespace {

std::vector<event::Header> headers_of(const bus::Record& record) {
    std::vector<event::Header> kept;
    for (const auto& [name, value] : record.headers())
        kept.push_back({std::string{name}, std::string{value}});
    return kept;
}

TEST_P(BusTest, a_record_keeps_its_headers_in_order) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        const std::vector<event::Header> given{{"traceparent", "00-1-2-01"},
                                               {"다른", std::string{"\0\xff", 2}},
                                               {"traceparent", "again"},
                                               {"none", ""}};
        std::vector<Message> messages{{topic, "k", "with", given}, {topic, "k", "without"}};
        co_await publish(bus, std::move(messages));
        const auto consumer = reader(bus);
        std::map<std::string, std::vector<event::Header>> seen;
        while (seen.size() < 2) {
            const auto batch = co_await consumer->next(10s);
            EXPECT_NE(batch, nullptr);
            if (!batch) co_return;
            for (const auto& record : batch->records) {
                seen[std::string{*record.value}] = headers_of(record);
                EXPECT_EQ(headers_of(record), seen[std::string{*record.value}]) << "read again";
                consumer->done(record.place);
            }
        }
        EXPECT_EQ(seen["with"], given);
        EXPECT_TRUE(seen["without"].empty());
        co_await consumer->close();
    });
}

TEST_P(BusTest, a_dead_letter_tells_its_consumer_what_was_wrong_and_keeps_the_records_own_headers) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        std::vector<Message> poison{{topic, "k", "x", {{"traceparent", "00-1-2-01"}, {"dlq.attempts", "9"}}}};
        co_await publish(bus, std::move(poison));
        const auto consumer = reader(bus);
        const auto batch = co_await consumer->next(10s);
        EXPECT_NE(batch, nullptr);
        if (!batch) co_return;
        const auto place = batch->records.front().place;
        flow::DeadLetters dead_letters{bus};
        const std::vector<flow::DeadLetters::Letter> letter{{&batch->records.front(), "bad", "no event", 3}};
        EXPECT_TRUE(co_await dead_letters.bury({.consumer = {}, .topic = topic}, letter));
        consumer->done(place);
        co_await consumer->close();

        const auto people = bus.subscribe({topic + ".dlq", readers}, loop.strand);
        const auto letters = co_await people->next(20s);
        EXPECT_NE(letters, nullptr);
        if (!letters) co_return;
        const std::vector<event::Header> expected{{"dlq.topic", topic},
                                                  {"dlq.partition", std::to_string(place.partition)},
                                                  {"dlq.offset", std::to_string(place.offset)},
                                                  {"dlq.key", "k"},
                                                  {"dlq.error.class", "bad"},
                                                  {"dlq.error.message", "no event"},
                                                  {"dlq.attempts", "12"},
                                                  {"traceparent", "00-1-2-01"}};
        EXPECT_EQ(headers_of(letters->records.front()), expected);
        people->done(letters->records.front().place);
        co_await people->close();
    });
}

}  // namespace
}  // namespace stepcast::bus_test
