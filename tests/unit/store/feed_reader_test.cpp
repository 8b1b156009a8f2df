#include "store/feed_reader.hpp"

#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include "aio/spawn.hpp"
#include "store/cleaner.hpp"
#include "store/memory/memory_store.hpp"
#include "store/store_fixture.hpp"
#include "unit/strand_test.hpp"

namespace stepcast::store::test {
namespace {

/// A memory store that can be made to lose hints or to fail.
class FlakyStore final : public EventStore {
  public:
    FlakyStore(Limits limits, const Clock& clock) : store{limits, clock} {}

    awaitable<std::vector<CommitResult>> commit_many(std::span<Commit> c) override {
        return store.commit_many(c);
    }
    awaitable<result<Page>> read_stream(const Category& c, std::string_view s, Range r) override {
        return store.read_stream(c, s, r);
    }
    awaitable<result<Page>> read_subject(std::string_view s, Categories c, Range r) override {
        return store.read_subject(s, c, r);
    }
    awaitable<result<Page>> read_all(Range r) override {
        if (failing) {
            ++failures;
            co_return fail(errc::unavailable);
        }
        co_return co_await store.read_all(r);
    }
    awaitable<result<StreamInfo>> stream_info(const Category& c, std::string_view s) override {
        return store.stream_info(c, s);
    }
    awaitable<result<void>> find_events(const Category& c, std::string_view s,
                                        std::span<const std::string_view> ids,
                                        std::span<EventRef> found) override {
        return store.find_events(c, s, ids, found);
    }
    awaitable<result<std::optional<InboxMark>>> handled(std::string_view c, std::string_view m) override {
        return store.handled(c, m);
    }
    awaitable<result<Fence>> lease(std::string_view n, std::string_view h, Duration d) override {
        return store.lease(n, h, d);
    }
    awaitable<result<Position>> subject_lost_through(std::string_view s, Categories c) override {
        return store.subject_lost_through(s, c);
    }
    awaitable<result<std::vector<PartitionOffset>>> source_offsets(std::string_view c,
                                                                   std::string_view t) override {
        return store.source_offsets(c, t);
    }
    awaitable<result<std::vector<PendingRef>>> outbox(std::uint64_t after, std::size_t limit) override {
        return store.outbox(after, limit);
    }
    awaitable<result<std::vector<Timer>>> due(Timestamp now, std::size_t limit) override {
        return store.due(now, limit);
    }
    awaitable<result<void>> save_snapshot(const Category& c, std::string_view s, Snapshot n,
                                          bool trim) override {
        return store.save_snapshot(c, s, std::move(n), trim);
    }
    awaitable<result<std::optional<Snapshot>>> load_snapshot(const Category& c, std::string_view s,
                                                             Version v) override {
        return store.load_snapshot(c, s, v);
    }
    awaitable<result<Expired>> cleanup(Timestamp now) override {
        if (failing) {
            ++failures;
            co_return fail(errc::unavailable);
        }
        co_return co_await store.cleanup(now);
    }
    void hold(std::uint64_t bytes) override { store.hold(bytes); }
    Feed& feed() override { return store.feed(); }
    Position head() const override { return store.head(); }
    std::string_view epoch() const override { return store.epoch(); }
    Stats stats() const override { return store.stats(); }
    std::span<const CategoryStats> category_stats() const override { return store.category_stats(); }
    awaitable<void> close() override { return store.close(); }

    MemoryStore store;
    bool failing = false;
    int failures = 0;
};

class FeedTest : public stepcast::testing::StrandTest {
  protected:
    awaitable<void> put(int count, const Category* category = &task,
                        Lifecycle lifecycle = Lifecycle::neutral) {
        std::vector<Commit> commits;
        for (int i = 0; i < count; ++i, ++next)
            commits.push_back(commit_of({draft("s" + std::to_string(next % 7), std::to_string(next),
                                               {.lifecycle = lifecycle, .category = category})}));
        for (const auto& r : co_await store.commit_many(commits)) EXPECT_TRUE(r);
    }

    FeedReader::Sink sink() {
        return [this](std::span<const EventRef> events, Position through) -> awaitable<void> {
            largest = std::max(largest, events.size());
            for (const auto& e : events) seen.push_back(e->position());
            EXPECT_GE(through, seen.empty() ? 0 : seen.back());
            co_return;
        };
    }

    void expect_seen(Position from, Position to) {
        ASSERT_EQ(seen.size(), to - from + 1);
        for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], from + i);
    }

    TestClock clock;
    FlakyStore store{{.ttl = 10min, .running_ttl = 10min}, clock};
    std::vector<Position> seen;
    std::size_t largest = 0;
    int next = 0;
};

TEST_F(FeedTest, gives_what_was_there_and_what_comes_once_and_in_order) {
    run([&]() -> awaitable<void> {
        co_await put(1000);
        FeedReader reader{core, store, sink()};
        reader.start();
        for (int i = 0; i < 20; ++i) {
            co_await put(50);
            co_await asio::post(core, asio::use_awaitable);
        }
        EXPECT_TRUE(co_await reader.wait_applied(2000, 5s));
        co_await reader.stop();
        expect_seen(1, 2000);
        EXPECT_LE(largest, 256u) << "a page is a short turn";
    });
}

TEST_F(FeedTest, begins_behind_the_position_given) {
    run([&]() -> awaitable<void> {
        co_await put(10);
        FeedReader reader{core, store, sink(), 4};
        EXPECT_EQ(reader.applied(), 4u);
        reader.start();
        EXPECT_TRUE(co_await reader.wait_applied(10, 5s));
        co_await reader.stop();
        expect_seen(5, 10);
    });
}

TEST_F(FeedTest, applied_rises_after_the_sink_has_returned) {
    run([&]() -> awaitable<void> {
        FeedReader* self = nullptr;
        std::vector<Position> applied;
        FeedReader reader{core, store, [&](std::span<const EventRef>, Position) -> awaitable<void> {
                              applied.push_back(self->applied());
                              co_return;
                          }};
        self = &reader;
        reader.start();
        co_await put(1);
        EXPECT_TRUE(co_await reader.wait_applied(1, 5s));
        co_await put(1);
        EXPECT_TRUE(co_await reader.wait_applied(2, 5s));
        co_await reader.stop();
        EXPECT_EQ(applied, (std::vector<Position>{0, 1}));
    });
}

TEST_F(FeedTest, a_lost_hint_is_made_good_by_the_poll) {
    run([&]() -> awaitable<void> {
        FeedReader reader{core, store, sink()};
        reader.start();
        co_await asio::post(core, asio::use_awaitable);
        store.feed().on_change({});
        co_await put(3);
        EXPECT_TRUE(co_await reader.wait_applied(3, 5s));
        co_await reader.stop();
        expect_seen(1, 3);
    });
}

TEST_F(FeedTest, an_expired_hole_never_stalls_it) {
    run([&]() -> awaitable<void> {
        co_await put(2000, &task, Lifecycle::ends);
        clock.at += 11min;
        for (bool done = false; !done;) done = (co_await store.cleanup(clock.at)).value().done;
        FeedReader reader{core, store, sink()};
        reader.start();
        EXPECT_TRUE(co_await reader.wait_applied(2000, 5s)) << "also when nothing follows the hole";
        EXPECT_TRUE(seen.empty());
        co_await put(2, &account);
        EXPECT_TRUE(co_await reader.wait_applied(2002, 5s));
        co_await reader.stop();
        expect_seen(2001, 2002);
    });
}

TEST_F(FeedTest, several_waiters_leave_when_their_position_is_applied) {
    std::vector<int> left;
    FeedReader reader{core, store, sink()};
    run([&]() -> awaitable<void> {
        reader.start();
        for (const int position : {3, 1, 2, 9})
            aio::spawn(core, "waiter", [&, position]() -> awaitable<void> {
                if (co_await reader.wait_applied(static_cast<Position>(position), 5s))
                    left.push_back(position);
            });
        co_await asio::post(core, asio::use_awaitable);
        co_await put(1);
        EXPECT_TRUE(co_await reader.wait_applied(1, 5s));
        co_await put(2);
        EXPECT_TRUE(co_await reader.wait_applied(3, 5s));
        EXPECT_FALSE(co_await reader.wait_applied(4, 1ms)) << "the limit";
        co_await reader.stop();
        EXPECT_FALSE(co_await reader.wait_applied(4, 5s)) << "stopped";
        EXPECT_TRUE(co_await reader.wait_applied(3, 0ms));
    });
    std::sort(left.begin(), left.end());
    EXPECT_EQ(left, (std::vector<int>{1, 2, 3}));
}

TEST_F(FeedTest, a_store_that_fails_is_asked_again) {
    run([&]() -> awaitable<void> {
        store.failing = true;
        FeedReader reader{core, store, sink()};
        reader.start();
        co_await put(5);
        while (store.failures < 2) co_await aio::pause(1ms);
        EXPECT_EQ(reader.applied(), 0u);
        store.failing = false;
        EXPECT_TRUE(co_await reader.wait_applied(5, 5s));
        co_await reader.stop();
        expect_seen(1, 5);
    });
}

TEST_F(FeedTest, a_stopped_reader_gives_nothing_more) {
    run([&]() -> awaitable<void> {
        FeedReader reader{core, store, sink()};
        reader.start();
        co_await reader.stop();
        co_await put(3);
        EXPECT_TRUE(seen.empty());
    });
}

TEST_F(FeedTest, the_cleaner_expires_by_its_clock_and_tells_what_went) {
    run([&]() -> awaitable<void> {
        std::vector<std::string> gone;
        Cleaner cleaner{core, store, clock, 1ms, [&](const EventStore::Expired& expired) {
                            for (const auto& s : expired.streams) gone.push_back(s.stream_id);
                        }};
        cleaner.start();
        co_await put(7, &task, Lifecycle::ends);
        co_await aio::pause(20ms);
        EXPECT_TRUE(gone.empty()) << "the clock stands";
        clock.at += 11min;
        while (gone.size() < 7) co_await aio::pause(1ms);
        co_await cleaner.stop();
        EXPECT_EQ(store.stats().streams, 0u);
    });
}

TEST_F(FeedTest, a_hurried_cleaner_does_not_wait_for_its_interval_and_finishes_what_is_long) {
    run([&]() -> awaitable<void> {
        std::size_t gone = 0;
        Cleaner cleaner{core, store, clock, std::chrono::hours{24},
                        [&](const auto& expired) { gone += expired.streams.size(); }};
        cleaner.start();
        co_await put(20'000);
        clock.at += 11min;
        cleaner.hurry();
        while (gone < 7 || store.stats().events != 0) co_await aio::pause(1ms);
        co_await cleaner.stop();
        EXPECT_EQ(store.stats().expired, 20'000u);
    });
}

TEST_F(FeedTest, a_cleaner_goes_on_after_a_failure) {
    run([&]() -> awaitable<void> {
        std::size_t gone = 0;
        Cleaner cleaner{core, store, clock, 1ms,
                        [&](const auto& expired) { gone += expired.streams.size(); }};
        co_await put(7);
        clock.at += 11min;
        store.failing = true;
        cleaner.start();
        while (store.failures < 2) co_await aio::pause(1ms);
        EXPECT_EQ(gone, 0u);
        store.failing = false;
        while (gone < 7) co_await aio::pause(1ms);
        co_await cleaner.stop();
    });
}

}  // namespace
}  // namespace stepcast::store::test
