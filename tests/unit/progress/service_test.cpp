#include "domain/progress/service.hpp"

#include <gtest/gtest.h>

#include <asio/co_spawn.hpp>
#include <asio/use_future.hpp>
#include <functional>

#include "aio/spawn.hpp"
#include "domain/progress/codec.hpp"
#include "store/memory_store.hpp"
#include "unit/broadcast/pipe_session.hpp"

namespace stepcast::progress {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;
using testing::of_user;
using testing::PipeSession;

awaitable<broadcast::Missed> nothing_missed(event::Position, std::size_t) {
    co_return broadcast::Missed{};
}

/// The service over a store of its own; all on the test's thread.
class Service : public ::testing::Test {
  protected:
    ~Service() override {
        finish(service.stop());
        finish(broadcaster.drain(1s, 1s, 0ms));
    }

    /// Runs until `condition` holds; false after 5 s.
    bool pump_until(const std::function<bool()>& condition) {
        const auto deadline = Steady::now() + 5s;
        while (!condition() && Steady::now() < deadline) {
            io.restart();
            io.run_one_for(10ms);
        }
        return condition();
    }

    template <class T>
    T finish(awaitable<T> work) {
        auto future = asio::co_spawn(core, std::move(work), asio::use_future);
        EXPECT_TRUE(pump_until([&] { return future.wait_for(0s) == std::future_status::ready; }));
        return future.get();
    }

    /// Commits `count` events of task "t" and returns them as the feed would give them.
    std::vector<event::EventRef> commit(int count) {
        std::vector<store::Commit> commits(static_cast<std::size_t>(count));
        for (auto& commit : commits) {
            ProgressEvent event;
            event.event_id = "e" + std::to_string(++made);
            event.task_id = "t";
            event.user_id = "u";
            event.type = EventType::progress;
            event.percentage = 1;
            event.timestamp = Timestamp{};
            std::string scratch;
            commit.appends.emplace_back().events.push_back(make_draft(event, scratch));
        }
        const auto from = store.head() + 1;
        for (const auto& done : finish(store.commit_many(commits))) EXPECT_TRUE(done);
        return finish(store.read_all({.from = from, .limit = 10'000}))->events;
    }

    asio::io_context io;
    aio::Strand core = asio::make_strand(io);
    store::MemoryStore store{{}};
    broadcast::Broadcaster broadcaster{io, {}, nothing_missed};
    ProgressEventService service{core, store, broadcaster, system_clock(), {.max_events_per_task = 100}};
    int made = 0;
};

TEST_F(Service, counts_what_the_feed_gives_twice_or_out_of_order) {
    const auto events = commit(3);
    service.on_committed(std::span{events}.first(2));
    EXPECT_EQ(service.counts().feed_gaps, 0u);
    service.on_committed(std::span{events}.subspan(1));
    EXPECT_EQ(service.counts().feed_gaps, 1u);
    EXPECT_EQ(service.projection().applied(), 3u);
}

TEST_F(Service, delivery_is_measured_from_the_commit_and_each_group_is_timed) {
    auto& lane = broadcaster.lane(0);
    service.set_live();
    PipeSession session{io, lane, of_user("u")};
    finish(aio::run_on(lane.strand(), [&]() -> awaitable<void> {
        session.enter();
        co_return;
    }));
    const auto began = Steady::now();
    const auto events = commit(2);
    service.note_commit(began, events.back()->position());
    const auto committed = Steady::now();
    while (Steady::now() < committed + 20ms) {  // the feed is late
    }
    service.on_committed(events);
    std::string got;
    EXPECT_TRUE(pump_until([&] { return (got += session.read()).find("id: ") != std::string::npos; }));
    EXPECT_GE(lane.stats().delivery_seconds.sum_seconds(), 2 * 0.020) << "two events, each late";
    EXPECT_GE(service.counts().commit_seconds.sum_seconds(), 0);
    std::uint64_t groups = 0;
    for (std::size_t i = 0; i <= Histogram::bounds.size(); ++i)
        groups += service.counts().commit_seconds.bucket(i);
    EXPECT_EQ(groups, 1u);
}

TEST_F(Service, a_snapshot_that_cannot_be_used_is_counted_as_ignored_and_the_next_as_failed) {
    service.set_live();
    service.on_committed(commit(150));
    store::EventStore::Expired oversized;
    oversized.oversized.push_back({&category, "t"});
    Moment past;
    past.version = 100;
    service.on_cleaned(oversized);
    EXPECT_TRUE(pump_until([&] { return service.counts().snapshots_saved == 1; }));
    ASSERT_TRUE(finish(service.status("t", past)));
    EXPECT_EQ(service.counts().snapshots_ignored, 0u);

    const auto first = service.projection().find("t")->first_version;
    ASSERT_TRUE(finish(store.save_snapshot(category, "t", {first - 1, state_schema + 1, "?"}, true)));
    EXPECT_FALSE(finish(service.status("t", past)));
    EXPECT_EQ(service.counts().snapshots_ignored, 1u);
    service.on_committed(commit(50));
    service.on_cleaned(oversized);
    EXPECT_TRUE(pump_until([&] { return service.counts().snapshots_failed == 1; }));
    EXPECT_EQ(service.counts().snapshots_saved, 1u);
}

}  // namespace
}  // namespace stepcast::progress
