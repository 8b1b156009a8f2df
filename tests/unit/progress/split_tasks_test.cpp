// Tasks whose producers do not agree on the partition.
#include <fmt/format.h>

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <random>

#include "domain/progress/split_tasks.hpp"
#include "unit/progress/system.hpp"

namespace stepcast::progress::test {
namespace {

constexpr Timestamp begin{1'700'000'000'000ms};

struct Told {
    EventType type;
    Duration at;
    std::optional<int> percentage;
    std::string step;
    std::int64_t seq = 0;
};

/// A task's events as they would be stored if they came in this order: what is missing is filled in from
/// those before.
std::vector<event::EventRef> stored(const std::vector<Told>& order) {
    std::vector<event::EventRef> events;
    ProgressState before;
    std::string scratch;
    for (const auto& told : order) {
        std::string json = fmt::format(R"({{"eventId":"{}","taskId":"t","userId":"u","eventType":"{}")",
                                       told.step, name_of(told.type));
        if (told.percentage) json += fmt::format(R"(,"percentage":{})", *told.percentage);
        if (told.seq != 0) json += fmt::format(R"(,"seq":{})", told.seq);
        ProgressEvent event;
        EXPECT_TRUE(decode(json + fmt::format(R"(,"stepName":"{}"}})", told.step), event));
        event.timestamp = begin + told.at;
        if (!event.percentage) event.percentage = implied_percentage(event, before);
        const auto version = before.version + 1;
        evolve(before, event, version, version, begin + told.at);
        events.push_back(
            event::Event::seal(make_draft(event, scratch), version, version, begin + told.at, "e"));
    }
    return events;
}

std::string folded_by_time(const std::vector<event::EventRef>& events) {
    asio::io_context io{1};
    const auto strand = asio::make_strand(io);
    ProgressState state;
    run(io, strand, [&]() -> awaitable<void> { co_await fold_by_time(state, events); });
    return save_state(state);
}

void stands_the_same_in_any_order(std::vector<Told> told, EventType status, int percentage,
                                  std::string step) {
    std::mt19937 random{20261128};
    const auto expected = folded_by_time(stored(told));
    const auto state = load_state(expected);
    ASSERT_TRUE(state);
    EXPECT_EQ(state->status, status);
    EXPECT_EQ(state->percentage, percentage);
    EXPECT_EQ(state->step_name, step);
    for (int i = 0; i < 50; ++i) {
        std::ranges::shuffle(told, random);
        ASSERT_EQ(folded_by_time(stored(told)), expected);
    }
}

TEST(SplitTask, stands_the_same_in_whatever_order_its_events_are_read) {
    using enum EventType;
    stands_the_same_in_any_order({{started, 0ms, 0, "a"},
                                  {progress, 10ms, 40, "b"},
                                  {progress, 20ms, {}, "c"},
                                  {failed, 30ms, {}, "d"}},
                                 failed, 40, "d");
    // A retry, and what came of one moment.
    stands_the_same_in_any_order({{started, 0ms, 0, "a"},
                                  {failed, 10ms, {}, "b"},
                                  {started, 20ms, {}, "c"},
                                  {progress, 20ms, 10, "d"},
                                  {progress, 20ms, 20, "e"},
                                  {completed, 20ms, {}, "f"}},
                                 completed, 100, "f");
    // Numbers say more than the moment does.
    stands_the_same_in_any_order(
        {{progress, 0ms, 50, "a", 1}, {progress, 0ms, 20, "b", 2}, {progress, 0ms, 90, "c", 3}}, progress, 90,
        "c");
}

TEST(SplitTask, of_many_events_is_folded_whole) {
    std::vector<Told> told;
    for (int i = 0; i < 5000; ++i)
        told.push_back(
            {EventType::progress, std::chrono::milliseconds{i / 2}, i * 100 / 5000, std::to_string(i)});
    const auto expected = folded_by_time(stored(told));
    std::mt19937 random{20261128};
    std::ranges::shuffle(told, random);
    EXPECT_EQ(folded_by_time(stored(told)), expected);
}

std::string record(std::string_view task, std::string_view id, std::string_view rest) {
    return fmt::format(R"({{"taskId":"{}","userId":"u","eventId":"{}",{}}})", task, id, rest);
}

class SplitIngest : public ::testing::Test {
  protected:
    /// What is left of task "t" once these batches were read, and how many tasks were found to be split.
    struct Left {
        std::string state;
        std::uint64_t split;
        friend bool operator==(const Left&, const Left&) = default;
    };
    Left rebuild(std::deque<std::vector<Given>> batches) {
        asio::io_context io{1};
        const auto core = asio::make_strand(io);
        store::MemoryStore store{store::Limits{}};
        ScriptedBus bus;
        bus.caught_up = false;
        std::size_t records = 0;
        for (const auto& batch : batches) records += batch.size();
        bus.batches = std::move(batches);
        System system{io, core, store, bus, {.topic = "t", .rebuilds = true}};
        Left left;
        run(io, core, [&]() -> awaitable<void> {
            co_await system.start();
            EXPECT_TRUE(co_await until([&] { return bus.done.size() == records; }));
            bus.caught_up = true;
            EXPECT_TRUE(co_await until([&] { return system.service.live(); }));
            const auto head = co_await system.service.status("t", {});
            EXPECT_TRUE(head);
            if (!head) co_return;
            left = {save_state(head->state), system.ingest.split_tasks()};
            const auto past = co_await system.service.status("t", head->state.version);
            EXPECT_TRUE(past && save_state(past->state) == left.state);
            co_await system.stop();
        });
        return left;
    }

    const Timestamp then = system_clock().now() - 1h;
    const Given start{{0, 0}, record("t", "a", R"("eventType":"STARTED","percentage":0)"), then};
    const Given middle{{1, 0}, record("t", "b", R"("eventType":"PROGRESS","percentage":40)"), then + 1s};
    const Given end{{1, 1}, record("t", "c", R"("eventType":"FAILED")"), then + 2s};
};

TEST_F(SplitIngest, the_same_records_give_the_same_state_at_every_rebuild) {
    const auto expected = rebuild({{start, middle, end}});
    const auto state = load_state(expected.state);
    ASSERT_TRUE(state);
    EXPECT_EQ(state->status, EventType::failed);
    EXPECT_EQ(state->percentage, 40);
    EXPECT_EQ(state->started_at, then);
    EXPECT_EQ(expected.split, 1U);
    EXPECT_EQ(rebuild({{start}, {middle}, {end}}), expected);
    EXPECT_EQ(rebuild({{middle, end, start}}), expected);
    EXPECT_EQ(rebuild({{middle, end}, {start}}), expected);
    EXPECT_EQ(rebuild({{middle}, {start, end}}), expected);
}

TEST_F(SplitIngest, a_later_start_from_what_was_stored_stands_as_the_first_one_left_it) {
    asio::io_context io{1};
    const auto core = asio::make_strand(io);
    store::MemoryStore store{store::Limits{}};
    ScriptedBus bus;
    const auto with_system = [&](std::function<awaitable<void>(System&)> body) {
        System system{io, core, store, bus, {.topic = "t", .source = "s", .rebuilds = true}};
        run(io, core, [&]() -> awaitable<void> {
            co_await system.start();
            EXPECT_TRUE(co_await until([&] { return system.service.live(); }));
            co_await body(system);
            co_await system.stop();
        });
    };
    const auto state_of = [](System& system) -> awaitable<ProgressState> {
        auto view = co_await system.service.status("t", {});
        EXPECT_TRUE(view);
        co_return view ? view->state : ProgressState{};
    };
    ProgressState first, later;
    bus.batches = {{middle, end, start}};  // caught up when it is handed out
    with_system([&](System& system) -> awaitable<void> {
        EXPECT_EQ((co_await state_of(system)).status, EventType::failed);
        bus.batches = {{{{0, 1}, record("t", "d", R"("eventType":"PROGRESS","percentage":90)")}}};
        EXPECT_TRUE(co_await until([&] { return store.head() == 4; }));
        EXPECT_TRUE(co_await until([&] { return system.service.projection().applied() == 4; }));
        first = co_await state_of(system);
    });
    with_system([&](System& system) -> awaitable<void> { later = co_await state_of(system); });
    EXPECT_EQ(later.status, first.status);
    EXPECT_EQ(later.percentage, 40);
    EXPECT_EQ(later.percentage, first.percentage);
    EXPECT_EQ(later.started_at, first.started_at);
    EXPECT_EQ(later.updated_at, first.updated_at);
    EXPECT_EQ(later.step_name, first.step_name);
    EXPECT_EQ(later.event_id, first.event_id);
    EXPECT_EQ(later.version, 4U);
    EXPECT_EQ(later.position, 4U);
    EXPECT_DOUBLE_EQ(later.rate, first.rate);
}

TEST_F(SplitIngest, a_task_on_one_partition_keeps_its_order_whatever_the_times_say) {
    auto odd = end;
    odd.place = {0, 1};
    odd.timestamp = then - 1s;
    auto last = middle;
    last.place = {0, 2};
    const auto left = rebuild({{start, odd, last}});
    const auto state = load_state(left.state);
    ASSERT_TRUE(state);
    EXPECT_EQ(state->status, EventType::failed);
    EXPECT_EQ(state->version, 3U);
    EXPECT_EQ(left.split, 0U);
}

}  // namespace
}  // namespace stepcast::progress::test
