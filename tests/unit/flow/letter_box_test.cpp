#include "unit/flow/letter_world.hpp"

namespace stepcast::flow {
namespace {

using namespace std::chrono_literals;
using aio::awaitable;
using LetterBoxTest = test::LetterWorld;

TEST_F(LetterBoxTest, while_a_key_has_a_letter_what_comes_of_it_is_parked_behind_and_others_go_on) {
    run([&]() -> awaitable<void> {
        Node node{*this, Consumer::Order::of_key};
        node.handler.bad = {"a1"};
        node.start();
        co_await give({"a1", "b1", "a2", "a3", "b2"});
        EXPECT_TRUE(co_await until([&] { return keys(node.box) == "a0 a<0 a<0 "; })) << keys(node.box);
        co_await give({"a4", "b3"});
        EXPECT_TRUE(co_await until([&] { return keys(node.box) == "a0 a<0 a<0 a<0 "; })) << keys(node.box);
        EXPECT_TRUE(co_await until([&] { return node.handler.handled.size() == 3; }));
        EXPECT_EQ(all(node.handler.handled), "b1 b2 b3");
        EXPECT_EQ((co_await owed()).size(), 4u) << "the topic gets a copy of each";
        co_await node.stop();
        co_await hub.stop();
    });
}

TEST_F(LetterBoxTest, where_no_order_is_kept_a_letter_stops_nothing) {
    run([&]() -> awaitable<void> {
        Node node{*this, Consumer::Order::none};
        node.handler.bad = {"a1"};
        node.start();
        co_await give({"a1", "a2"});
        EXPECT_TRUE(co_await until([&] { return keys(node.box) == "a0 "; })) << keys(node.box);
        EXPECT_EQ(all(node.handler.handled), "a2");
        co_await node.stop();
        co_await hub.stop();
    });
}

TEST_F(LetterBoxTest, of_several_letters_of_one_stream_each_is_found_by_its_own_id) {
    run([&]() -> awaitable<void> {
        Node node{*this, Consumer::Order::none};
        node.handler.bad = {"a1", "a2", "a3"};
        node.start();
        co_await give({"a1", "a2", "a3"});
        EXPECT_TRUE(co_await until([&] { return keys(node.box) == "a0 a0 a0 "; })) << keys(node.box);
        const auto first = number(node.box, 0), second = number(node.box, 1), third = number(node.box, 2);
        EXPECT_TRUE((co_await node.box.give_up(second, "kim")).has_value());
        EXPECT_TRUE(node.box.redrive(third, {}));
        EXPECT_TRUE(co_await until([&] { return keys(node.box) == "a0 a1 "; })) << keys(node.box);
        EXPECT_EQ(number(node.box, 0), first);
        EXPECT_EQ(number(node.box, 1), third);
        co_await node.stop();
        co_await hub.stop();
    });
}

TEST_F(LetterBoxTest, a_redrive_hands_a_key_over_in_order_and_ends_at_the_first_that_fails) {
    run([&]() -> awaitable<void> {
        Node node{*this, Consumer::Order::of_key};
        node.handler.bad = {"a1", "a3"};
        node.start();
        co_await give({"a1", "a2", "a3", "a4"});
        EXPECT_TRUE(co_await until([&] { return keys(node.box) == "a0 a<0 a<0 a<0 "; })) << keys(node.box);
        const auto first = number(node.box, 0), second = number(node.box, 1);
        EXPECT_TRUE(node.box.redrive(second, "kim"));
        EXPECT_EQ(node.box.redrive(first, "lee").error().code, letter_errc::running);
        EXPECT_TRUE(co_await until([&] { return keys(node.box) == "a1 a<0 a<0 a<0 "; }))
            << "the first one fails again";
        EXPECT_TRUE(node.handler.handled.empty());

        node.handler.bad = {"a3"};
        EXPECT_TRUE(co_await until([&] { return node.box.redrive(first, "lee").has_value(); }));
        EXPECT_TRUE(co_await until([&] { return keys(node.box) == "a<1 a<0 "; })) << keys(node.box);
        EXPECT_EQ(all(node.handler.handled), "a1 a2");
        const auto history = (co_await node.box.history(first)).value();
        EXPECT_EQ(history.status, "HANDLED");
        EXPECT_EQ(history.letter.value, "a1");
        EXPECT_EQ(history.attempts.size(), 2u);
        if (history.attempts.size() != 2) co_return;
        EXPECT_EQ(history.attempts[0].what.by, "kim");
        EXPECT_EQ(history.attempts[0].result, LetterEvent::failed);
        EXPECT_EQ(history.attempts[1].what.by, "lee");
        EXPECT_EQ(history.attempts[1].result, LetterEvent::handled);
        EXPECT_EQ(node.box.redrive(first, "").error().code, letter_errc::unknown);
        co_await node.stop();
        co_await hub.stop();
    });
}

TEST_F(LetterBoxTest, what_comes_while_the_last_letter_is_handled_stays_behind_it_and_is_handed_over_too) {
    run([&]() -> awaitable<void> {
        Node node{*this, Consumer::Order::of_key};
        node.handler.bad = {"a1"};
        node.start();
        co_await give({"a1"});
        EXPECT_TRUE(co_await until([&] { return keys(node.box) == "a0 "; }));
        node.handler.bad.clear();
        node.handler.slow = {"a1"};
        EXPECT_TRUE(node.box.redrive(number(node.box, 0), {}));
        EXPECT_TRUE(co_await until([&] { return node.handler.begun.size() == 1; }));
        co_await give({"a2", "b1"});
        EXPECT_TRUE(co_await until([&] { return keys(node.box) == "a0 a<0 "; })) << keys(node.box);
        EXPECT_EQ(all(node.handler.handled), "a1 b1") << "others go on meanwhile";
        co_await aio::run_on(node.consumer.strand(), [&]() -> awaitable<void> {
            node.consumer.done(node.handler.begun[0]);
            co_return;
        });
        EXPECT_TRUE(co_await until([&] { return keys(node.box).empty(); })) << keys(node.box);
        co_await give({"a3"});
        EXPECT_TRUE(co_await until([&] { return node.handler.handled.size() == 4; }));
        EXPECT_EQ(all(node.handler.handled), "a1 b1 a2 a3");
        co_await node.stop();
        co_await hub.stop();
    });
}

TEST_F(LetterBoxTest, one_that_is_given_up_lets_what_stands_behind_it_be_handed_over) {
    run([&]() -> awaitable<void> {
        Node node{*this, Consumer::Order::of_key};
        node.handler.bad = {"a1"};
        node.start();
        co_await give({"a1", "a2"});
        EXPECT_TRUE(co_await until([&] { return keys(node.box) == "a0 a<0 "; })) << keys(node.box);
        const auto first = number(node.box, 0), second = number(node.box, 1);
        EXPECT_TRUE((co_await node.box.give_up(first, "kim")).has_value());
        EXPECT_EQ(keys(node.box), "a<0 ");
        EXPECT_EQ((co_await node.box.give_up(first, "kim")).error().code, letter_errc::unknown);
        const auto history = (co_await node.box.history(first)).value();
        EXPECT_EQ(history.status, "GIVEN_UP");
        EXPECT_EQ(history.attempts.at(0).what.by, "kim");
        EXPECT_TRUE(node.box.redrive(second, {}));
        EXPECT_TRUE(co_await until([&] { return keys(node.box).empty(); })) << keys(node.box);
        EXPECT_EQ(all(node.handler.handled), "a2");
        co_await node.stop();
        co_await hub.stop();
    });
}

TEST_F(LetterBoxTest, attempts_are_bounded) {
    run([&]() -> awaitable<void> {
        Node node{*this, Consumer::Order::none, {.max_attempts = 2}};
        node.handler.bad = {"a1"};
        node.start();
        co_await give({"a1"});
        EXPECT_TRUE(co_await until([&] { return keys(node.box) == "a0 "; }));
        const auto letter = number(node.box, 0);
        for (int i = 0; i < 2; ++i)
            EXPECT_TRUE(co_await until([&] { return node.box.redrive(letter, {}).has_value(); }));
        EXPECT_TRUE(co_await until([&] { return keys(node.box) == "a2 "; })) << keys(node.box);
        EXPECT_TRUE(co_await until(
            [&] { return node.box.redrive(letter, {}).error().code == letter_errc::exhausted; }));
        co_await node.stop();
        co_await hub.stop();
    });
}

TEST_F(LetterBoxTest, without_room_a_letter_stands_on_its_topic_alone) {
    run([&]() -> awaitable<void> {
        Node node{*this, Consumer::Order::none, {.max_bytes = 100}};
        node.handler.bad = {"a1"};
        node.start();
        co_await give({"a1", "a2"});
        EXPECT_TRUE(co_await until([&] { return node.handler.handled.size() == 1; }));
        EXPECT_EQ(keys(node.box), "");
        const auto people = bus.replay({"t.dlq"}, core);
        const auto letter = co_await people->next(10s);
        EXPECT_TRUE(letter && letter->records.size() == 1 && *letter->records[0].value == "a1");
        co_await people->close();
        co_await node.stop();
        co_await hub.stop();
    });
}

TEST_F(LetterBoxTest, without_room_what_must_keep_its_order_waits) {
    run([&]() -> awaitable<void> {
        co_await give({"a1", "a2"});
        Node node{*this, Consumer::Order::of_key, {.max_bytes = 100}};
        node.handler.bad = {"a1"};
        node.start();
        for (int i = 0; i < 50; ++i) co_await aio::pause(2ms);
        EXPECT_TRUE(node.handler.handled.empty());
        co_await node.stop();
        co_await hub.stop();
    });
}

TEST_F(LetterBoxTest, a_letter_and_the_offset_behind_it_are_one_commit) {
    run([&]() -> awaitable<void> {
        Node node{*this, Consumer::Order::none};
        node.handler.bad = {"a1", "a2"};
        node.handler.offsets = to_seven;
        node.start();
        co_await give({"a1"});
        EXPECT_TRUE(co_await until([&] { return keys(node.box) == "a0 "; }));
        EXPECT_EQ((co_await store->source_offsets("source", "t")).value(),
                  (std::vector<store::PartitionOffset>{{0, 7}}));
        co_await node.stop();
        co_await hub.stop();
    });
}

TEST_F(LetterBoxTest, what_stands_on_no_topic_is_parked_with_what_ends_it_or_neither_is_written) {
    run([&]() -> awaitable<void> {
        Node node{*this, Consumer::Order::none, {.max_bytes = 1024}};
        const auto bury = [&](const std::string& value) {
            store::Commit with;
            with.timers.push_back({value.substr(0, 1), {}, "ends", {}});
            return node.letters.bury(
                flow::Letter{
                    .consumer = "c", .topic = "t", .key = "a", .value = value, .error_class = "refused"},
                std::move(with));
        };
        EXPECT_TRUE(co_await bury("a"));
        EXPECT_EQ(keys(node.box), "a0 ");
        EXPECT_FALSE(co_await bury(std::string(1024, 'b'))) << "no room";
        EXPECT_EQ(keys(node.box), "a0 ");
        const auto written = co_await store->due(Timestamp::max(), 10);
        EXPECT_EQ(written->size(), 1u);
        EXPECT_EQ(node.letters.counts(), (DeadLetters::Counts{{{"t", "refused"}, 1}}));
        co_await node.stop();
        co_await hub.stop();
    });
}

TEST_F(LetterBoxTest, a_letter_keeps_bytes_that_are_no_text_and_a_key_that_is_no_id) {
    const std::string bytes{"\xff\x00{\"\x80", 5};
    const Letter letter{.consumer = "c",
                        .topic = "t",
                        .place = {3, 14},
                        .timestamp = Timestamp{15ms},
                        .key = bytes,
                        .value = bytes,
                        .headers = {{"crc", bytes}, {"", "é"}},
                        .error_class = "malformed",
                        .error_message = "no JSON: " + bytes,
                        .attempts = 3,
                        .behind = true};
    const auto event = parked_event(letter);
    ASSERT_TRUE(event);
    EXPECT_TRUE(event->stream_id().starts_with("c/t/#"));
    const auto read = read_letter(*event);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->key, bytes);
    EXPECT_EQ(read->value, bytes);
    EXPECT_EQ(read->headers, letter.headers);
    EXPECT_EQ(read->error_message, letter.error_message);
    EXPECT_EQ(std::tuple(read->place.partition, read->place.offset, read->attempts, read->behind),
              std::tuple(3, 14, 3u, true));
    EXPECT_TRUE(check_stored_letter(*event));
    EXPECT_FALSE(read_redriven(*event));
    const auto fits = [](std::string value) {
        return parked_event({.consumer = "c", .topic = "t", .value = std::move(value)}) != nullptr;
    };
    EXPECT_TRUE(fits(std::string(50'000, 'x')));
    EXPECT_FALSE(fits(std::string(60'000, 'x')));
    EXPECT_FALSE(fits(std::string(50'000, '"'))) << "by what it takes as JSON";
}

}  // namespace
}  // namespace stepcast::flow
