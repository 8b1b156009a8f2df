// What the store knows of consumed records at every moment, and where a start goes on.
#include <fmt/format.h>

#include "store/forwarding_store.hpp"
#include "unit/progress/system.hpp"
#include "unit/progress/turns.hpp"

namespace stepcast::progress::test {
namespace {

std::string event(const std::string& task, const std::string& id, int percentage = 10) {
    return fmt::format(
        R"({{"taskId":"{}","userId":"u","eventType":"PROGRESS","eventId":"{}","percentage":{}}})", task, id,
        percentage);
}

using Offsets = std::vector<store::PartitionOffset>;

class IngestTest : public ::testing::Test {
  protected:
    std::unique_ptr<System> open(std::string source = "stepcast-progress") {
        return std::make_unique<System>(
            io, core, store, bus,
            ProgressIngest::Options{.topic = "t", .source = std::move(source), .rebuilds = true});
    }
    void with_system(std::function<awaitable<void>(System&)> body) {
        const auto system = open();
        run(io, core, [&]() -> awaitable<void> {
            co_await system->start();
            // Poison is only counted until the topic was read once.
            if (bus.caught_up) EXPECT_TRUE(co_await until([&] { return system->service.live(); }));
            bus.batches = std::exchange(given, {});
            co_await body(*system);
            co_await system->stop();
        });
    }
    awaitable<Offsets> offsets() {
        auto read = co_await store.source_offsets("stepcast-progress", "t");
        co_return read.value();
    }
    awaitable<bool> reaches(Offsets expected) {
        const auto deadline = std::chrono::steady_clock::now() + 10s;
        while (co_await offsets() != expected) {
            if (std::chrono::steady_clock::now() > deadline) co_return false;
            co_await aio::pause(2ms);
        }
        co_return true;
    }
    awaitable<std::size_t> events_of(std::string task) {
        auto page =
            co_await store.read_stream(category, task, {store::Range::By::version, 1, UINT64_MAX, 100});
        co_return page ? page->events.size() : 0;
    }

    asio::io_context io{1};
    aio::Strand core = asio::make_strand(io);
    store::MemoryStore store{store::Limits{}};
    ScriptedBus bus;
    std::deque<std::vector<Given>> given;  // handed out once the system is live
};

TEST_F(IngestTest, an_event_and_its_offset_are_committed_together) {
    given = {{{{0, 4}, event("a", "1")}, {{1, 9}, event("b", "1")}, {{0, 5}, event("a", "2")}}};
    with_system([&](System&) -> awaitable<void> {
        EXPECT_TRUE(co_await reaches({{0, 5}, {1, 9}}));
        EXPECT_EQ(store.head(), 3U);
    });
}

// Notes how many turns others had before the first commit.
class WatchedStore final : public store::test::ForwardingStore {
  public:
    WatchedStore(store::EventStore& behind, const Turns& turns) : ForwardingStore{behind}, turns_{turns} {}
    awaitable<std::vector<store::CommitResult>> commit_many(std::span<store::Commit> commits) override {
        if (before == 0) before = turns_.count();
        return behind->commit_many(commits);
    }
    int before = 0;

  private:
    const Turns& turns_;
};

TEST_F(IngestTest, others_have_their_turns_while_a_large_batch_is_read_and_judged) {
    constexpr int count = 9216;
    std::vector<Given> batch;
    for (int i = 0; i < count; ++i) batch.push_back({{0, i}, event(fmt::format("t{}", i), "1")});
    Turns turns{core};
    WatchedStore watched{store, turns};
    System system{io, core, watched, bus, {.topic = "t"}};
    bus.batches.push_back(std::move(batch));  // at hand from the start: nobody is idle meanwhile
    run(io, core, [&]() -> awaitable<void> {
        co_await system.start();
        const int begun = turns.count();
        EXPECT_TRUE(co_await until([&] { return watched.before != 0; }));
        turns.end();
        EXPECT_GE(watched.before - begun, 2 * count / 256 - 2) << "once read, once judged";
        co_await system.stop();
    });
}

TEST_F(IngestTest, no_offset_passes_poison_that_is_not_buried) {
    bus.away = true;
    given = {{{{0, 4}, event("a", "1")},
              {{0, 5}, "no json"},
              {{0, 6}, event("a", "2")},
              {{1, 9}, event("b", "1")}}};
    with_system([&](System&) -> awaitable<void> {
        EXPECT_TRUE(co_await until([&] { return bus.refusals >= 2; }));
        EXPECT_EQ(store.head(), 3U);
        EXPECT_EQ(co_await offsets(), (Offsets{{0, 4}, {1, 9}}));
        EXPECT_TRUE(bus.produced.empty());
        bus.away = false;
        EXPECT_TRUE(co_await reaches({{0, 6}, {1, 9}}));
        EXPECT_EQ(bus.produced.size(), 1U);
        if (!bus.produced.empty()) EXPECT_EQ(bus.produced.front().key, "t-0-5");
    });
}

TEST_F(IngestTest, a_records_time_beyond_the_year_9999_is_refused_by_name_where_it_would_count) {
    constexpr Timestamp far{253'402'300'800'000ms};
    given = {{{{0, 4}, event("a", "1"), far}, {{0, 5}, event("a", "2"), far - 1ms}}};
    with_system([&](System& system) -> awaitable<void> {
        EXPECT_TRUE(co_await reaches({{0, 5}}));
        EXPECT_EQ(store.head(), 1U);
        EXPECT_EQ(system.ingest.counts().rejected_field, 1U);
        EXPECT_EQ(bus.produced.size(), 1U);
    });
}

TEST_F(IngestTest, no_offset_passes_a_conflict_that_is_not_buried) {
    bus.away = true;
    given = {{{{0, 4}, event("a", "1")}, {{0, 5}, event("a", "1", 99)}, {{0, 6}, event("a", "2")}}};
    with_system([&](System&) -> awaitable<void> {
        EXPECT_TRUE(co_await until([&] { return bus.refusals >= 2; }));
        EXPECT_EQ(store.head(), 2U);
        EXPECT_EQ(co_await offsets(), (Offsets{{0, 4}}));
        bus.away = false;
        EXPECT_TRUE(co_await reaches({{0, 6}}));
        if (!bus.produced.empty()) EXPECT_EQ(bus.produced.front().key, "t-0-5");
    });
}

TEST_F(IngestTest, a_stop_before_the_letter_is_written_leaves_the_record_to_the_next_start) {
    bus.away = true;
    const std::vector<Given> batch{{{0, 5}, "no json"}, {{0, 6}, event("a", "2")}};
    given = {{{{0, 4}, event("a", "1")}}, batch};
    with_system(
        [&](System&) -> awaitable<void> { EXPECT_TRUE(co_await until([&] { return bus.refusals >= 1; })); });
    bus.away = false;
    given = {batch};
    with_system([&](System& system) -> awaitable<void> {
        EXPECT_EQ(bus.replays.back().from, (std::map<std::int32_t, std::int64_t>{{0, 5}}));
        EXPECT_TRUE(co_await reaches({{0, 6}}));
        EXPECT_EQ(bus.produced.size(), 1U);
        EXPECT_EQ(co_await events_of("a"), 2U);
        EXPECT_EQ(system.ingest.counts().rejected_malformed, 1U);
    });
}

TEST_F(IngestTest, a_start_goes_on_behind_what_the_store_has_and_is_live_without_the_bus) {
    given = {{{{0, 6}, event("a", "1")}, {{2, 0}, event("b", "1")}}};
    with_system([&](System&) -> awaitable<void> { EXPECT_TRUE(co_await reaches({{0, 6}, {2, 0}})); });
    EXPECT_TRUE(bus.replays.back().from.empty());
    EXPECT_EQ(bus.replays.back().lag_group, "stepcast-progress");
    bus.caught_up = false;
    const auto system = open();
    run(io, core, [&]() -> awaitable<void> {
        system->hub.start();
        co_await system->ingest.restore();
        EXPECT_TRUE(system->service.live());
        EXPECT_NE(system->service.projection().find("a"), nullptr);
        system->ingest.start();
        EXPECT_EQ(bus.replays.back().from, (std::map<std::int32_t, std::int64_t>{{0, 7}, {2, 1}}));
        co_await system->stop();
    });
}

TEST_F(IngestTest, without_stored_offsets_the_topic_is_read_before_anything_is_live) {
    bus.caught_up = false;
    given = {{{{0, 0}, "old poison"}, {{0, 1}, event("a", "1")}}};
    with_system([&](System& system) -> awaitable<void> {
        EXPECT_TRUE(co_await reaches({{0, 1}}));
        EXPECT_FALSE(system.service.live());
        EXPECT_EQ(system.ingest.counts().old_poison, 1U);
        EXPECT_TRUE(bus.produced.empty());
        bus.caught_up = true;
        EXPECT_TRUE(co_await until([&] { return system.service.live(); }));
    });
}

TEST_F(IngestTest, a_topic_that_was_made_again_takes_the_offset_back) {
    given = {{{{0, 6}, event("a", "1")}}};
    with_system([&](System&) -> awaitable<void> {
        EXPECT_TRUE(co_await reaches({{0, 6}}));
        // Within one batch, with the first of the new ones given up, and with another in the next batch.
        bus.batches = {{{{0, 7}, event("a", "2")}, {{0, 0}, "no json"}, {{0, 1}, event("a", "3")}},
                       {{{0, 2}, event("a", "4")}}};
        EXPECT_TRUE(co_await reaches({{0, 2}}));
        EXPECT_EQ(co_await events_of("a"), 4U);
        EXPECT_EQ(bus.produced.size(), 1U);
        bus.batches = {{{{0, 0}, event("a", "5")}, {{0, 1}, event("a", "1", 99)}, {{0, 2}, event("a", "6")}}};
        EXPECT_TRUE(co_await until([&] { return bus.done.size() == 8; }));
        EXPECT_TRUE(co_await reaches({{0, 2}}));
        EXPECT_EQ(co_await events_of("a"), 6U);
    });
}

TEST_F(IngestTest, a_full_store_delays_events_and_offsets_alike) {
    store::MemoryStore small{{.max_bytes = 4096}};
    bus.batches = {
        {{{0, 0}, event("a", "1")},
         {{0, 1},
          fmt::format(R"({{"taskId":"big","userId":"u","eventType":"PROGRESS","detail":{{"x":"{}"}}}})",
                      std::string(6000, 'x'))},
         {{0, 2}, event("a", "1")}}};
    System system{io, core, small, bus, {.topic = "t", .source = "s", .rebuilds = true}};
    run(io, core, [&]() -> awaitable<void> {
        co_await system.start();
        EXPECT_TRUE(
            co_await until([&] { return system.committer.paused() == flow::Committer::Pause::store_full; }));
        EXPECT_EQ((co_await small.source_offsets("s", "t")).value(), (Offsets{{0, 0}}));
        co_await system.stop();
        EXPECT_EQ((co_await small.source_offsets("s", "t")).value(), (Offsets{{0, 0}}));
    });
}

TEST_F(IngestTest, a_bus_whose_offsets_end_with_the_process_leaves_none_in_the_store) {
    bus.batches = {{{{0, 4}, event("a", "1")}, {{0, 5}, "no json"}, {{0, 6}, event("a", "2")}}};
    System system{io, core, store, bus, {.topic = "t", .group = "g"}};
    run(io, core, [&]() -> awaitable<void> {
        co_await system.start();
        EXPECT_TRUE(system.service.live());
        EXPECT_TRUE(co_await until([&] { return bus.done.size() == 3; }));
        EXPECT_TRUE((co_await offsets()).empty());
        EXPECT_TRUE(bus.replays.empty());
        EXPECT_EQ(bus.groups, std::vector<std::string>{"g"});
        co_await system.stop();
    });
}

TEST_F(IngestTest, a_records_time_counts_only_while_the_state_is_rebuilt) {
    const auto began = system_clock().now();
    const Timestamp past = began - 24h, ahead = began + 24h, long_ago{0ms};
    bus.caught_up = false;
    bus.batches = {{{{0, 0}, event("rebuilt", "1"), past}, {{0, 1}, event("ahead", "1"), ahead}}};
    System system{io, core, store, bus, {.topic = "t", .rebuilds = true}};
    const auto recorded = [&](std::string_view task) {
        const Task* const found = system.service.projection().find(task);
        return found != nullptr ? found->state.recorded_at : Timestamp::max();
    };
    run(io, core, [&]() -> awaitable<void> {
        co_await system.start();
        EXPECT_TRUE(co_await until([&] { return bus.done.size() == 2; }));
        EXPECT_EQ(recorded("rebuilt"), past);
        EXPECT_LE(recorded("ahead"), system_clock().now());
        bus.caught_up = true;
        EXPECT_TRUE(co_await until([&] { return system.service.live(); }));
        bus.batches = {{{{0, 2}, event("live", "1"), long_ago}}};
        EXPECT_TRUE(co_await until([&] { return bus.done.size() == 3; }));
        EXPECT_GE(recorded("live"), began);
        EXPECT_LE(recorded("live"), system_clock().now());
        co_await system.stop();
    });
}

TEST_F(IngestTest, what_is_too_old_at_a_rebuild_is_counted_and_no_dead_letter) {
    const auto now = system_clock().now();
    bus.caught_up = false;
    bus.too_old = 5;  // passed over before the first record
    bus.batches = {{{{0, 5}, event("kept", "1"), now - 1h},
                    {{0, 6}, event("late", "1"), now - 24h * 8},
                    {{0, 7}, event("1970", "1"), Timestamp{0ms}},
                    {{0, 8}, "no json", now}}};
    System system{io, core, store, bus, {.topic = "t", .since = now - 24h * 7, .rebuilds = true}};
    run(io, core, [&]() -> awaitable<void> {
        co_await system.start();
        EXPECT_TRUE(co_await until([&] { return bus.done.size() == 4; }));
        bus.caught_up = true;
        EXPECT_TRUE(co_await until([&] { return system.service.live(); }));
        EXPECT_EQ(store.head(), 1U);
        EXPECT_EQ(system.ingest.counts().rejected_too_old, 7U);
        EXPECT_EQ(system.ingest.counts().old_poison, 1U);
        EXPECT_TRUE(bus.produced.empty());
        // Live nothing is too old.
        bus.batches = {{{{0, 9}, event("1970", "1"), Timestamp{0ms}}}};
        EXPECT_TRUE(co_await until([&] { return store.head() == 2; }));
        EXPECT_EQ(system.ingest.counts().rejected_too_old, 7U);
        co_await system.stop();
    });
}

}  // namespace
}  // namespace stepcast::progress::test
