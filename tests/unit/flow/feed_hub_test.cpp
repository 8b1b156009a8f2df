#include "flow/feed_hub.hpp"

#include <fmt/format.h>

#include "aio/spawn.hpp"
#include "store/forwarding_store.hpp"
#include "store/memory/memory_store.hpp"
#include "store/store_fixture.hpp"
#include "unit/strand_test.hpp"

namespace stepcast::flow {
namespace {

using namespace std::chrono_literals;
using aio::awaitable;
using store::test::TestClock;
using Texts = std::vector<std::string>;

constexpr std::array<std::string_view, 1> hub_types{"CHANGED"};
constexpr event::Category task{"task", "task", hub_types, true};
constexpr event::Category counter{"counter", "counter", hub_types, true};

/// Notes what it is given in a list that all of a test share.
class Noting final : public Projection {
  public:
    Noting(std::string name, std::vector<const event::Category*> categories, Texts& notes)
        : name_{std::move(name)}, categories_{std::move(categories)}, notes_{notes} {}

    std::span<const event::Category* const> categories() const override { return categories_; }
    awaitable<void> apply(std::span<const event::EventRef> events, event::Position to) override {
        co_await aio::pause(1ms);
        for (const auto& event : events)
            notes_.push_back(fmt::format("{} {}-{} {}", name_, event->category().name, event->stream_id(),
                                         event->position()));
        through = to;
    }
    std::vector<store::SnapshotKind> begins_at() const override { return begins; }
    void published() override { notes_.push_back(name_ + " published"); }
    void expired(const store::ExpiredStream& stream) override {
        notes_.push_back(fmt::format("{} expired {}-{}", name_, stream.category->name, stream.stream_id));
    }
    void oversized(const store::Oversized& stream) override {
        notes_.push_back(fmt::format("{} oversized {}", name_, stream.stream_id));
    }
    void reset() override { notes_.push_back(name_ + " reset"); }

    event::Position through = 0;
    std::vector<store::SnapshotKind> begins;

  private:
    const std::string name_;
    const std::vector<const event::Category*> categories_;
    Texts& notes_;
};

class NotingPublisher final : public broadcast::Publisher {
  public:
    explicit NotingPublisher(Texts& notes) : notes_{notes} {}
    void publish(std::span<const event::EventRef> frames, std::chrono::steady_clock::time_point at) override {
        notes_.push_back(fmt::format("publish {}-{}", frames.front()->position(), frames.back()->position()));
        committed = at;
    }
    void skip_to(event::Position newest) override { notes_.push_back(fmt::format("skip {}", newest)); }
    void restart() override { notes_.emplace_back("restart"); }

    std::chrono::steady_clock::time_point committed{};

  private:
    Texts& notes_;
};

class FeedHubTest : public stepcast::testing::StrandTest {
  protected:
    /// While the hub reads.
    template <class Body>
    void run(Body body) {
        StrandTest::run([&]() -> awaitable<void> {
            hub.start();
            co_await body();
            co_await hub.stop();
        });
    }

    awaitable<void> put(const event::Category& category, const std::string& stream,
                        event::Lifecycle lifecycle = event::Lifecycle::neutral) {
        std::vector<store::Commit> commits(1);
        const auto id = fmt::format("e{}", ++made);
        commits[0].appends.emplace_back().events.push_back(event::Event::make({.category = &category,
                                                                               .lifecycle = lifecycle,
                                                                               .stream_id = stream,
                                                                               .id = id,
                                                                               .subject = "u",
                                                                               .json = "{\"n\":1}"}));
        EXPECT_TRUE((co_await store.commit_many(commits))[0]);
    }
    awaitable<Texts> taken() {
        EXPECT_TRUE(co_await hub.wait_applied(store.head(), 5s));
        co_return std::exchange(notes, {});
    }

    TestClock clock;
    store::MemoryStore memory{{.ttl = 10min, .running_ttl = 10min, .max_events_per_stream = 3}, clock};
    store::MemoryStore another{{}, clock};
    store::test::ForwardingStore store{memory};
    Texts notes;
    NotingPublisher publisher{notes};
    Noting tasks{"tasks", {&task}, notes};
    Noting counters{"counters", {&counter}, notes};
    Noting both{"both", {&task, &counter}, notes};
    FeedHub hub{core, store, publisher, clock, 1h};
    int made = 0;
};

TEST_F(FeedHubTest, every_projection_has_its_own_events_before_anybody_is_told) {
    hub.add(tasks);
    hub.add(counters);
    hub.add(both);
    run([&]() -> awaitable<void> {
        co_await put(task, "1");
        co_await put(counter, "1");
        co_await put(task, "2");
        EXPECT_EQ(co_await taken(),
                  (Texts{"tasks task-1 1", "tasks task-2 3", "counters counter-1 2", "both task-1 1",
                         "both counter-1 2", "both task-2 3", "publish 1-3", "tasks published",
                         "counters published", "both published"}));
        EXPECT_EQ(tasks.through, 3u);
        EXPECT_EQ(counters.through, 3u);
        EXPECT_EQ(hub.applied(), 3u);
        co_await put(task, "1");
        EXPECT_EQ(co_await taken(), (Texts{"tasks task-1 4", "both task-1 4", "publish 4-4",
                                           "tasks published", "counters published", "both published"}));
        EXPECT_EQ(counters.through, 4u) << "it knows that there is nothing for it";
        EXPECT_EQ(hub.feed_gaps(), 0u);
    });
}

TEST_F(FeedHubTest, what_it_begins_at_nobody_folds_from_the_first_event_on) {
    hub.add(tasks);
    hub.add(counters);
    tasks.begins = {{&task, 1}};
    counters.begins = {{&counter, 2}};
    EXPECT_EQ(hub.begins_at(), (std::vector<store::SnapshotKind>{{&task, 1}, {&counter, 2}}));
    hub.add(both);
    EXPECT_TRUE(hub.begins_at().empty());
    both.begins = {{&task, 1}, {&counter, 1}};
    EXPECT_EQ(hub.begins_at(), (std::vector<store::SnapshotKind>{{&task, 1}, {&task, 1}}));
}

TEST_F(FeedHubTest, while_nothing_is_live_it_folds_and_tells_nobody) {
    hub.add(tasks);
    hub.hold();
    hub.hold();
    run([&]() -> awaitable<void> {
        co_await put(task, "1");
        EXPECT_EQ(co_await taken(), (Texts{"tasks task-1 1", "skip 1"}));
        hub.release();
        EXPECT_FALSE(hub.live());
        hub.release();
        co_await put(task, "1");
        EXPECT_EQ(co_await taken(), (Texts{"tasks task-1 2", "publish 2-2", "tasks published"}));
    });
}

TEST_F(FeedHubTest, delivery_is_measured_from_the_commit_of_the_group) {
    hub.add(tasks);
    run([&]() -> awaitable<void> {
        const auto began = std::chrono::steady_clock::now();
        co_await put(task, "1");
        hub.note_commit(began, 1);
        const auto noted = std::chrono::steady_clock::now();
        co_await aio::pause(2ms);
        co_await taken();
        EXPECT_GE(publisher.committed, began);
        EXPECT_LE(publisher.committed, noted);
        std::uint64_t observed = 0;
        for (std::size_t i = 0; i <= Histogram::bounds.size(); ++i)
            observed += hub.commit_seconds().bucket(i);
        EXPECT_EQ(observed, 1u);
        co_await put(task, "1");
        co_await taken();
        EXPECT_GT(publisher.committed, noted) << "nobody told: now";
    });
}

TEST_F(FeedHubTest, what_expired_or_grew_too_long_goes_to_the_projections_of_its_category) {
    hub.add(tasks);
    hub.add(counters);
    run([&]() -> awaitable<void> {
        for (int i = 0; i < 5; ++i) co_await put(counter, "long");
        co_await put(task, "1", event::Lifecycle::ends);
        co_await taken();
        co_await hub.clean();
        EXPECT_EQ(std::exchange(notes, {}), Texts{"counters oversized long"});
        clock.at += 1h;
        co_await hub.clean();
        std::ranges::sort(notes);
        EXPECT_EQ(notes, (Texts{"counters expired counter-long", "tasks expired task-1"}));
    });
}

TEST_F(FeedHubTest, what_a_commit_expired_to_make_room_leaves_at_once) {
    hub.add(tasks);
    store::MemoryStore narrow{{.ttl = 1h, .running_ttl = 1h, .max_bytes = 16 * 1024}, clock};
    store.behind = &narrow;
    run([&]() -> awaitable<void> {
        hub.start_cleaning();  // every hour, if nothing hurries it
        const auto expired = [&] { return std::ranges::count(notes, "tasks expired task-0") != 0; };
        for (int i = 0; i < 1000 && !expired(); ++i) {
            co_await put(task, std::to_string(i), event::Lifecycle::ends);
            co_await hub.wait_applied(store.head(), 5s);
            co_await aio::pause(1ms);
        }
        EXPECT_TRUE(expired());
    });
}

TEST_F(FeedHubTest, a_new_epoch_drops_everything_and_begins_again) {
    hub.add(tasks);
    run([&]() -> awaitable<void> {
        co_await put(task, "1");
        co_await put(task, "1");
        co_await taken();
        bool released = false;
        aio::spawn(core, "waiter",
                   [&]() -> awaitable<void> { released = co_await hub.wait_applied(100, 9s); });
        store.behind = &another;
        co_await put(task, "9");
        EXPECT_TRUE(co_await hub.wait_applied(3, 5s)) << "of the history that is over";
        EXPECT_TRUE(released);
        EXPECT_EQ(co_await taken(),
                  (Texts{"tasks reset", "restart", "tasks task-9 1", "publish 1-1", "tasks published"}));
        EXPECT_EQ(hub.restarts(), 1u);
        EXPECT_EQ(hub.applied(), 1u);
        EXPECT_EQ(hub.feed_gaps(), 0u);
    });
}

TEST_F(FeedHubTest, a_lapped_lane_reads_what_is_applied_and_steps_over_holes) {
    hub.add(tasks);
    run([&]() -> awaitable<void> {
        for (int i = 0; i < 50; ++i) co_await put(task, "gone", event::Lifecycle::ends);
        co_await taken();
        clock.at += 1h;
        co_await hub.clean();
        co_await put(task, "1");
        co_await taken();
        const auto missed = co_await hub.read_after(0, 10);
        EXPECT_EQ(missed.events.size(), 1u);
        EXPECT_EQ(missed.lost_through, 50u);
        co_await put(task, "1");
        EXPECT_TRUE((co_await hub.read_after(51, 10)).events.empty()) << "not applied yet";
        co_await taken();
    });
}

}  // namespace
}  // namespace stepcast::flow
