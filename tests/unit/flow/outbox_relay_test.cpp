#include "flow/outbox_relay.hpp"

#include <fmt/format.h>

#include "store/forwarding_store.hpp"
#include "store/memory/memory_store.hpp"
#include "store/store_fixture.hpp"
#include "unit/flow/list_bus.hpp"
#include "unit/flow/nobody.hpp"
#include "unit/strand_test.hpp"

namespace stepcast::flow {
namespace {

using namespace std::chrono_literals;
using aio::awaitable;

/// Notes what was sent when it is told to; says once that the lease is lost.
class SlowStore final : public store::test::ForwardingStore {
  public:
    using ForwardingStore::ForwardingStore;

    awaitable<std::vector<store::CommitResult>> commit_many(std::span<store::Commit> commits) override {
        if (!commits[0].sent.empty()) {
            while (holds) co_await aio::pause(1ms);
            if (std::exchange(fences, false))
                co_return std::vector<store::CommitResult>(
                    commits.size(), tl::unexpected{store::Refusal{.code = store::errc::fenced}});
        }
        co_return co_await behind->commit_many(commits);
    }

    bool holds = false;
    bool fences = false;
};

class OutboxRelayTest : public stepcast::testing::StrandTest {
  protected:
    /// Commits messages 1 to `count` of a topic, each with a key.
    awaitable<void> owe(std::string topic, int count, std::string text = "{}") {
        for (int i = 1; i <= count; ++i) {
            store::Commit commit;
            commit.outbox.push_back({.id = fmt::format("{}-{}", topic, ++owed),
                                     .topic = topic,
                                     .key = fmt::format("k{}", i % 3),
                                     .value = fmt::format(fmt::runtime(text), i),
                                     .headers = {{"h", "1"}}});
            EXPECT_TRUE(co_await committer.commit(std::move(commit)));
        }
    }
    awaitable<std::size_t> pending() { co_return (co_await store.outbox(0, 10'000)).value().size(); }
    /// False after a while.
    template <class Condition>
    awaitable<bool> until(Condition holds) {
        for (int i = 0; i < 2'000; ++i) {
            if (co_await holds()) co_return true;
            co_await aio::pause(2ms);
        }
        co_return false;
    }
    awaitable<bool> all_sent() {
        return until([this]() -> awaitable<bool> { co_return co_await pending() == 0; });
    }
    awaitable<bool> sent(std::size_t count) {
        return until([this, count]() -> awaitable<bool> { co_return bus.taken.size() >= count; });
    }
    static void start(OutboxRelay& of) {
        of.serve("a");
        of.serve("b");
        of.start([] { return true; });
    }
    static std::vector<std::string> numbers(int count) {
        std::vector<std::string> all;
        for (int i = 1; i <= count; ++i) all.push_back(std::to_string(i));
        return all;
    }

    int owed = 0;
    store::MemoryStore memory{{}};
    SlowStore store{memory};
    Nobody nobody;
    test::ListBus bus;
    FeedHub hub{core, store, nobody, system_clock(), 1h};
    Committer committer{core, store, hub};
    OutboxRelay relay{core, store, committer, bus, {.window = 4, .look = 5ms}};
};

TEST_F(OutboxRelayTest, what_is_owed_leaves_in_its_order_and_once) {
    run([&]() -> awaitable<void> {
        co_await owe("a", 10, "{}");
        start(relay);
        EXPECT_TRUE(co_await all_sent());
        co_await owe("b", 600);
        relay.wake();
        EXPECT_TRUE(co_await all_sent());
        co_await relay.stop();
        EXPECT_EQ(bus.values("a"), numbers(10));
        EXPECT_EQ(bus.values("b"), numbers(600));
        EXPECT_EQ(bus.taken.front().headers, (std::vector<event::Header>{{"h", "1"}, {"message-id", "a-1"}}));
        EXPECT_EQ(bus.taken.front().key, "k1");
    });
}

TEST_F(OutboxRelayTest, a_topic_that_is_away_keeps_its_order_and_holds_up_no_other) {
    run([&]() -> awaitable<void> {
        bus.away.insert("a");
        co_await owe("a", 9);
        co_await owe("b", 9);
        start(relay);
        EXPECT_TRUE(co_await sent(9));
        EXPECT_TRUE(co_await until([this]() -> awaitable<bool> { co_return co_await pending() == 9; }));
        EXPECT_EQ(bus.values("b"), numbers(9));
        bus.away.clear();
        EXPECT_TRUE(co_await all_sent());
        EXPECT_EQ(bus.values("a"), numbers(9));
        co_await relay.stop();
    });
}

TEST_F(OutboxRelayTest, more_than_it_keeps_leaves_in_its_order_and_once) {
    run([&]() -> awaitable<void> {
        start(relay);
        bus.away.insert("a");
        for (int i = 0; i < 60; ++i) {  // the window is 4, and both topics stand in one outbox
            co_await owe("a", 10);
            co_await owe("b", 10);
            relay.wake();
        }
        EXPECT_TRUE(co_await until([this]() -> awaitable<bool> { co_return co_await pending() == 600; }));
        bus.away.clear();
        for (int i = 0; i < 60; ++i) {  // while it catches up
            co_await owe("a", 10);
            relay.wake();
        }
        EXPECT_TRUE(co_await all_sent());
        co_await relay.stop();
        std::vector<std::string> all;
        for (int i = 0; i < 120; ++i) std::ranges::copy(numbers(10), std::back_inserter(all));
        EXPECT_EQ(bus.values("a"), all);
        EXPECT_EQ(bus.values("b"), std::vector(all.begin(), all.begin() + 600));
    });
}

TEST_F(OutboxRelayTest, more_is_sent_while_it_is_noted_what_was_up_to_a_bound) {
    run([&]() -> awaitable<void> {
        store.holds = true;
        co_await owe("a", 40);
        start(relay);
        EXPECT_TRUE(co_await sent(16)) << "four windows";
        for (int i = 0; i < 20; ++i) co_await aio::pause(1ms);
        EXPECT_EQ(bus.values("a"), numbers(16));
        EXPECT_EQ(co_await pending(), 40u);
        store.holds = false;
        EXPECT_TRUE(co_await all_sent());
        EXPECT_EQ(bus.values("a"), numbers(40));
        co_await relay.stop();
    });
}

TEST_F(OutboxRelayTest, a_window_ends_at_its_bytes) {
    run([&]() -> awaitable<void> {
        OutboxRelay small{core, store, committer, bus, {.window_bytes = 30, .look = 5ms}};
        co_await owe("a", 5, "{:010}");
        co_await owe("a", 2, "{:040}");
        start(small);
        EXPECT_TRUE(co_await all_sent());
        co_await small.stop();
        EXPECT_EQ(bus.calls, 4) << "three, two, and each of the large ones alone";
        EXPECT_EQ(bus.taken.size(), 7u);
    });
}

TEST_F(OutboxRelayTest, who_has_lost_the_lease_reads_anew_what_is_owed) {
    run([&]() -> awaitable<void> {
        store.fences = true;
        co_await owe("a", 10);
        start(relay);
        EXPECT_TRUE(co_await all_sent());
        co_await relay.stop();
        const auto all = bus.values("a");
        EXPECT_GT(all.size(), 10u);
        EXPECT_TRUE(std::ranges::equal(std::span{all}.last(10), numbers(10)));
    });
}

TEST_F(OutboxRelayTest, topics_of_others_are_left_alone) {
    run([&]() -> awaitable<void> {
        co_await owe("other", 300);
        co_await owe("a", 1);
        start(relay);
        EXPECT_TRUE(co_await sent(1));
        EXPECT_TRUE(co_await until([this]() -> awaitable<bool> { co_return co_await pending() == 300; }));
        co_await relay.stop();
        EXPECT_EQ(bus.taken.size(), 1u);
    });
}

TEST_F(OutboxRelayTest, a_message_that_is_too_large_is_given_up_alone) {
    run([&]() -> awaitable<void> {
        bus.largest = 10;
        co_await owe("a", 2);
        co_await owe("a", 1, "much too large a message {}");
        co_await owe("a", 6);
        start(relay);
        EXPECT_TRUE(co_await all_sent());
        co_await relay.stop();
        EXPECT_EQ(bus.values("a"), (std::vector<std::string>{"1", "2", "1", "2", "3", "4", "5", "6"}));
    });
}

TEST_F(OutboxRelayTest, of_a_window_with_messages_that_are_too_large_each_goes_alone_and_once) {
    run([&]() -> awaitable<void> {
        OutboxRelay wide{core, store, committer, bus, {.window = 12, .look = 5ms}};
        bus.largest = 10;
        co_await owe("a", 5);
        co_await owe("a", 1, "much too large a message {}");
        co_await owe("a", 2);
        co_await owe("a", 1, "much too large a message {}");
        co_await owe("a", 15);
        start(wide);
        EXPECT_TRUE(co_await all_sent());
        co_await wide.stop();
        EXPECT_EQ(bus.calls, 1 + 12 + 1) << "the window, each of it, and the next window";
        EXPECT_EQ(bus.taken.size(), 22u);
    });
}

TEST_F(OutboxRelayTest, a_stop_leaves_what_did_not_leave_to_the_next_one) {
    run([&]() -> awaitable<void> {
        OutboxRelay first{core, store, committer, bus, {.look = 5ms, .lease = 20ms}};
        bus.away.insert("a");
        co_await owe("a", 5);
        start(first);
        EXPECT_TRUE(co_await until([this]() -> awaitable<bool> { co_return bus.calls > 0; }));
        co_await first.stop();
        EXPECT_EQ(co_await pending(), 5u);
        bus.away.clear();
        start(relay);
        EXPECT_TRUE(co_await all_sent()) << "once the lease of the first one has run out";
        EXPECT_EQ(bus.values("a"), numbers(5));
        co_await relay.stop();
    });
}

TEST_F(OutboxRelayTest, two_relays_of_one_store_send_each_message_once) {
    run([&]() -> awaitable<void> {
        OutboxRelay other{core, store, committer, bus, {.window = 4, .look = 5ms}};
        co_await owe("a", 200);
        start(relay);
        start(other);
        EXPECT_TRUE(co_await all_sent());
        co_await relay.stop();
        co_await other.stop();
        EXPECT_EQ(bus.values("a"), numbers(200));
    });
}

TEST_F(OutboxRelayTest, nothing_leaves_before_those_who_read_it_are_there) {
    run([&]() -> awaitable<void> {
        bool ready = false;
        relay.serve("a");
        relay.start([&] { return ready; });
        co_await owe("a", 1);
        relay.wake();
        for (int i = 0; i < 20; ++i) co_await aio::pause(1ms);
        EXPECT_EQ(bus.calls, 0);
        ready = true;
        EXPECT_TRUE(co_await all_sent());
        co_await relay.stop();
    });
}

}  // namespace
}  // namespace stepcast::flow
