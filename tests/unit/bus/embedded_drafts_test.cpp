#include <gtest/gtest.h>

#include "unit/bus/embedded_bus_fixture.hpp"

namespace stepcast::bus {
namespace {

constexpr std::array<std::string_view, 1> types{"T"};
constexpr event::Category category{"c", "c", types, true};

Message message_with_draft() {
    return {.topic = "t",
            .key = "k",
            .value = {},
            .draft = event::Event::make({.category = &category,
                                         .fingerprint = 7,
                                         .stream_id = "s",
                                         .id = "1",
                                         .subject = {},
                                         .json = R"({"a":1})"})};
}

TEST_F(EmbeddedBusTest, a_draft_reaches_its_only_reader_as_it_was_given_and_each_of_several_as_its_own) {
    run([&]() -> awaitable<void> {
        EmbeddedBus bus;
        EXPECT_TRUE(bus.in_process());
        auto message = message_with_draft();
        const event::Draft given = message.draft;
        EXPECT_TRUE((co_await bus.produce({message})).has_value());
        const auto one = bus.subscribe({"t", "one"}, strand);
        const auto first = co_await one->next(1s);
        EXPECT_EQ(first->records.at(0).draft, given.get());
        EXPECT_EQ(first->records[0].text(), R"({"a":1})");
        EXPECT_FALSE(first->records[0].value);

        const auto two = bus.subscribe({"t", "two"}, strand);
        event::Event::seal(given, 1, 1, {}, "e");
        const auto second = co_await two->next(1s);
        const event::Event* own = second->records.at(0).draft;
        EXPECT_NE(own, given.get());
        EXPECT_EQ(own->position(), 0U);
        EXPECT_EQ(own->fingerprint(), 7U);
        EXPECT_EQ(own->stream_id(), "s");
        EXPECT_EQ(own->id(), "1");
        EXPECT_EQ(own->body(), given->body());
        one->done(first->records[0].place);
        two->done(second->records[0].place);
        co_await one->close();
        co_await two->close();
    });
}

TEST_F(EmbeddedBusTest, a_draft_that_is_given_again_after_it_was_sealed_is_a_new_one) {
    run([&]() -> awaitable<void> {
        EmbeddedBus bus;
        EXPECT_TRUE((co_await bus.produce({message_with_draft()})).has_value());
        const auto one = bus.subscribe({"t", "g"}, strand);
        const auto first = co_await one->next(1s);
        event::Event::seal(first->records.at(0).draft, 1, 1, {}, "e");
        one->let_go();
        co_await one->close();
        const auto two = bus.subscribe({"t", "g"}, strand);
        const auto again = co_await two->next(1s);
        EXPECT_EQ(again->records.at(0).draft->position(), 0U);
        two->done(again->records[0].place);
        co_await two->close();
    });
}

TEST_F(EmbeddedBusTest, a_refused_record_fails_its_producer_with_the_reason_and_is_dealt_with) {
    run([&]() -> awaitable<void> {
        EmbeddedBus bus;
        const auto consumer = bus.subscribe({"t", "g"}, strand);
        const auto outcome = produce_beside(bus, messages("t", 1));
        const auto batch = co_await consumer->next(1s);
        const auto place = batch->records.at(0).place;
        EXPECT_TRUE(consumer->refuse(place, Error{errc::unknown_topic, "field", "why"}));
        EXPECT_FALSE(consumer->refuse(place, Error{errc::unknown_topic}));
        co_await settle_down();
        EXPECT_TRUE(outcome->has_value() && !(*outcome)->has_value());
        EXPECT_EQ((*outcome)->error().code, errc::unknown_topic);
        EXPECT_EQ((*outcome)->error().detail, "why");
        EXPECT_EQ(bus.stats().partitions.at(static_cast<std::size_t>(place.partition)).position, 1);
        co_await consumer->close();
    });
}

TEST_F(EmbeddedBusTest, a_record_cannot_be_refused_alone_if_others_came_with_it_or_others_read_it) {
    run([&]() -> awaitable<void> {
        EmbeddedBus bus;
        const auto consumer = bus.subscribe({"t", "g"}, strand);
        const auto two_records = produce_beside(bus, messages("t", 2));
        const auto batch = co_await consumer->next(1s);
        EXPECT_FALSE(consumer->refuse(batch->records.at(0).place, Error{errc::unknown_topic}));
        consumer->done(batch->records[0].place);
        EXPECT_FALSE(consumer->refuse(batch->records.at(1).place, Error{errc::unknown_topic}));
        consumer->done(batch->records[1].place);
        co_await settle_down();
        EXPECT_TRUE(two_records->has_value() && (*two_records)->has_value());

        const auto other = bus.subscribe({"t", "other"}, strand);
        const auto two_groups = produce_beside(bus, messages("t", 1));
        const auto mine = co_await consumer->next(1s);
        EXPECT_FALSE(consumer->refuse(mine->records.at(0).place, Error{errc::unknown_topic}));
        consumer->done(mine->records[0].place);
        const auto others = co_await other->next(1s);
        for (const auto& record : others->records) other->done(record.place);
        co_await settle_down();
        EXPECT_TRUE(two_groups->has_value() && (*two_groups)->has_value());
        co_await consumer->close();
        co_await other->close();
    });
}

TEST_F(EmbeddedBusTest, a_record_whose_producer_waits_no_more_cannot_be_refused) {
    run([&]() -> awaitable<void> {
        EmbeddedBus bus{{.produce_timeout = 20ms}};
        const auto consumer = bus.subscribe({"t", "g"}, strand);
        EXPECT_FALSE(co_await bus.produce(messages("t", 1)));
        const auto batch = co_await consumer->next(1s);
        EXPECT_FALSE(consumer->refuse(batch->records.at(0).place, Error{errc::unknown_topic}));
        consumer->done(batch->records[0].place);
        co_await consumer->close();
    });
}

}  // namespace
}  // namespace stepcast::bus
