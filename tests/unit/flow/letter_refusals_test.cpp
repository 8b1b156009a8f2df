// What becomes of dead letters that the store does not take.
#include "unit/flow/letter_world.hpp"

namespace stepcast::flow {
namespace {

using namespace std::chrono_literals;
using aio::awaitable;

/// The room for what never expires is used up from the first letter on, or once `fill` was called.
class LetterWithoutRoom : public test::LetterWorld {
  protected:
    explicit LetterWithoutRoom(std::uint64_t room = 1) : LetterWorld{{.permanent_max_bytes = room}} {}

    /// Leaves no room for one small event more.
    awaitable<void> fill() {
        for (std::uint64_t i = 0;; ++i) {
            store::Commit commit;
            commit.appends.emplace_back().events.push_back(
                redriven_event("s", LetterEvent::given_up, {.letter = "x", .attempt = i}));
            if (!(co_await store->commit_many({&commit, 1}))[0]) co_return;
        }
    }
};

TEST_F(LetterWithoutRoom, in_the_store_a_letter_stands_on_its_topic_alone_and_its_offset_moves) {
    run([&]() -> awaitable<void> {
        Node node{*this, Consumer::Order::none};
        node.handler.bad = {"a1", "b2"};
        node.handler.offsets = to_seven;
        node.start();
        co_await give({"a1", "b2", "a3"});
        EXPECT_TRUE(co_await until([&] { return node.letters.counts().size() == 1; }));
        EXPECT_EQ(co_await on_topic(2), "a1 b2 ");
        EXPECT_EQ(all(node.handler.handled), "a3");
        EXPECT_EQ(keys(node.box), "");
        EXPECT_TRUE((co_await owed()).empty());
        EXPECT_EQ((co_await store->source_offsets("source", "t")).value(),
                  (std::vector<store::PartitionOffset>{{0, 7}}));
        EXPECT_EQ(committer.paused(), Committer::Pause::none);
        co_await node.stop();
        co_await hub.stop();
    });
}

TEST_F(LetterWithoutRoom, in_the_store_what_must_keep_its_order_waits_and_keeps_nobody_else_waiting) {
    run([&]() -> awaitable<void> {
        co_await give({"a1", "a2"});
        Node node{*this, Consumer::Order::of_key};
        node.handler.bad = {"a1"};
        node.start();
        for (int i = 0; i < 50; ++i) {
            EXPECT_EQ(committer.paused(), Committer::Pause::none);
            co_await aio::pause(2ms);
        }
        EXPECT_TRUE(node.handler.handled.empty());
        co_await node.stop();
        co_await hub.stop();
    });
}

TEST_F(LetterWithoutRoom, in_the_store_what_stands_on_no_topic_stays_where_it_is) {
    run([&]() -> awaitable<void> {
        Node node{*this, Consumer::Order::none};
        store::Commit with;
        with.timers.push_back({"t", {}, "ends", {}});
        EXPECT_FALSE(
            co_await node.letters.bury(Letter{.consumer = "c", .topic = "t", .value = "a"}, std::move(with)));
        EXPECT_TRUE((co_await store->due(Timestamp::max(), 10))->empty());
        EXPECT_TRUE(node.letters.counts().empty());
        co_await node.stop();
        co_await hub.stop();
    });
}

class LetterAtAStop : public test::LetterWorld {
  protected:
    /// `batch`: most records that are handed out at a time.
    void nothing_passes_what_has_no_room(std::size_t batch) {
        run([&]() -> awaitable<void> {
            co_await give({"a1", "a2"});
            Node node{*this, Consumer::Order::of_key, {.max_bytes = 100}};
            node.handler.bad = {"a1"};
            node.start(batch);
            EXPECT_TRUE(co_await until([&] { return node.handler.calls == 1; }));
            node.letters.stop();
            EXPECT_TRUE(co_await until([&] { return node.handler.looks != 0; }));
            for (int i = 0; i < 10; ++i) co_await aio::pause(2ms);
            EXPECT_TRUE(node.handler.handled.empty()) << all(node.handler.handled);
            co_await node.stop();
            co_await hub.stop();
        });
    }
};

TEST_F(LetterAtAStop, without_room_is_not_passed_by_the_rest_of_its_batch) {
    nothing_passes_what_has_no_room(100);
}

TEST_F(LetterAtAStop, without_room_is_not_passed_by_the_next_batch) {
    nothing_passes_what_has_no_room(1);
}

TEST_F(LetterAtAStop, what_finds_no_room_behind_a_letter_does_not_pass_it) {
    run([&]() -> awaitable<void> {
        co_await give({"a1", "a" + std::string(2000, 'x')});
        Node node{*this, Consumer::Order::of_key, {.max_bytes = 1024}};
        node.handler.bad = {"a1"};
        node.start();
        EXPECT_TRUE(co_await until([&] { return keys(node.box) == "a0 "; }));
        node.letters.stop();
        EXPECT_TRUE(co_await until([&] { return node.handler.looks != 0; }));
        EXPECT_EQ(node.handler.calls, 1);
        EXPECT_TRUE(node.handler.handled.empty());
        co_await node.stop();
        co_await hub.stop();
    });
}

using LetterOfAnotherTopic = test::LetterWorld;

/// The topic was made again, and gives a place that a letter has to another record, at the same time.
TEST_F(LetterOfAnotherTopic, stands_on_its_topic_alone_before_the_offset_moves) {
    run([&]() -> awaitable<void> {
        Node node{*this, Consumer::Order::none};
        const auto earlier = [&](const bus::Record& record) -> awaitable<void> {
            store::Commit commit;
            commit.appends.emplace_back().events.push_back(parked_event({.consumer = "some-consumer",
                                                                         .topic = "t",
                                                                         .place = record.place,
                                                                         .timestamp = record.timestamp,
                                                                         .key = std::string{*record.key},
                                                                         .value = "earlier"}));
            EXPECT_TRUE(co_await committer.commit(std::move(commit)));
        };
        co_await give({"a1", "b2", "c3"});
        const auto ahead = bus.subscribe({"t", "ahead"}, core);  // keeps the records there
        const auto batch = co_await ahead->next(10s);
        EXPECT_TRUE(batch && batch->records.size() == 3);
        co_await earlier(batch->records[0]);
        bus.refused = "t.dlq";
        node.handler.bad = {"a1", "b2"};
        node.handler.offsets = to_seven;
        node.start();
        EXPECT_TRUE(co_await until([&] { return bus.refusals > 1; }));
        EXPECT_EQ(keys(node.box), "a0 b0 ");
        EXPECT_TRUE((co_await store->source_offsets("source", "t"))->empty()) << "it is kept nowhere yet";
        bus.refused.clear();
        EXPECT_TRUE(co_await until([&] { return node.letters.counts().size() == 1; }));
        EXPECT_EQ(co_await on_topic(1), "a1 ");
        EXPECT_EQ(co_await owed(), std::vector<std::string>{"t.dlq b2"});
        EXPECT_EQ((co_await store->source_offsets("source", "t")).value(),
                  (std::vector<store::PartitionOffset>{{0, 7}}));
        co_await node.stop();
        co_await hub.stop();
    });
}

class LetterUntilFull : public LetterWithoutRoom {
  protected:
    LetterUntilFull() : LetterWithoutRoom{16 * 1024} {}
};

TEST_F(LetterUntilFull, what_becomes_of_a_letter_is_refused_and_keeps_nobody_waiting) {
    run([&]() -> awaitable<void> {
        Node node{*this, Consumer::Order::none};
        node.handler.bad = {"a1"};
        node.start();
        co_await give({"a1"});
        EXPECT_TRUE(co_await until([&] { return keys(node.box) == "a0 "; }));
        const auto letter = number(node.box, 0);
        co_await fill();
        EXPECT_EQ((co_await node.box.give_up(letter, "kim")).error().code, store::errc::full);
        node.handler.bad.clear();
        for (std::size_t times = 1; times <= 2; ++times) {
            EXPECT_TRUE(co_await until([&] { return node.box.redrive(letter, {}).has_value(); }));
            EXPECT_TRUE(co_await until([&] { return node.handler.handled.size() == times; }));
        }
        EXPECT_TRUE(co_await until([&] { return node.box.redrive(letter, {}).has_value(); }))
            << "the last one has ended";
        EXPECT_EQ(keys(node.box), "a0 ") << "that it was handled could not be noted";
        EXPECT_EQ(committer.paused(), Committer::Pause::none);
        co_await node.stop();
        co_await hub.stop();
    });
}

}  // namespace
}  // namespace stepcast::flow
