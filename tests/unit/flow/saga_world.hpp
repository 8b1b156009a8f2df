#pragma once
#include "flow/process_manager.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <array>
#include <deque>
#include <map>

#include "aio/spawn.hpp"
#include "aio/turn.hpp"
#include "base/text.hpp"
#include "event/json_reader.hpp"
#include "store/forwarding_store.hpp"
#include "store/memory/memory_store.hpp"
#include "unit/flow/nobody.hpp"
#include "unit/metric_rows.hpp"
#include "unit/strand_test.hpp"

namespace stepcast::flow::test {

using namespace std::chrono_literals;
using aio::awaitable;

inline constexpr std::array<std::string_view, 9> trip_types{
    "BEGUN", "DONE", "REFUSED", "DOUBTED", "UNDONE", "COMPLETED", "COMPENSATED", "STUCK", "RESUMED"};
inline constexpr event::Category trip{"trip", "trip", trip_types, false};
inline const event::Upcasters no_upcasters;
inline constexpr std::array<std::string_view, 2> members{"step", "at"};

class Trip final : public Aggregate {
  public:
    void evolve(const event::Event& event, std::string_view body) override {
        const auto text = "{" + std::string{body};
        const auto values = event::read_members(text, members);
        apply(state, static_cast<SagaMove>(event.type_index()),
              Timestamp{std::chrono::milliseconds{event::json_whole((*values)[1]).value()}},
              static_cast<std::size_t>(event::json_whole((*values)[0]).value()));
    }
    std::string save() const override { return {}; }
    bool restore(std::string_view) override { return false; }
    SagaState state;
};

/// What a step says when it is given; behind the last, `done`.
enum class Say : std::uint8_t { done, refused, unknown, done_but_unknown, later };

/// Moves on only when it is told to.
class Hand final : public Clock {
  public:
    Timestamp now() const override { return time; }
    Timestamp time = *parse_rfc3339("2026-01-01T00:00:00Z");
};

/// The services that the steps ask: what they did, and undid, for each step once.
struct SagaWorld {
    std::map<std::pair<std::size_t, bool>, std::deque<Say>> script;  // by step and whether it is undone
    std::vector<std::string> log;                                    // what had an effect, in order
    std::map<std::size_t, int> effects;

    Say ask(std::size_t step, bool undoing) {
        auto& says = script[{step, undoing}];
        const auto say = says.empty() ? Say::done : says.front();
        if (!says.empty()) says.pop_front();
        if (say == Say::done || say == Say::done_but_unknown) carry_out(step, undoing);
        return say;
    }
    void carry_out(std::size_t step, bool undoing) {
        auto& effect = effects[step];
        if (effect != (undoing ? 1 : 0)) return;  // given again, or never carried out
        effect = undoing ? -1 : 1;
        log.push_back(fmt::format("{}{}", undoing ? "-" : "+", step));
    }
};

class TripPlan final : public SagaPlan {
  public:
    TripPlan(SagaWorld& world, const Clock& clock) : world_{world}, clock_{clock} {}

    std::string_view name() const override { return "trip"; }
    std::span<const SagaStep> steps() const override { return steps_; }
    const SagaState* saga(const Aggregate& state) const override {
        return &static_cast<const Trip&>(state).state;
    }
    std::string owner(const Aggregate&) const override { return {}; }
    std::string reason(const Aggregate&) const override { return {}; }
    awaitable<result<SagaAnswer>> act(const SagaTurn& turn) override {
        EXPECT_EQ(saga(turn.state)->reached, turn.step) << "it is registered before it is carried out";
        co_return co_await say(turn.step, false);
    }
    awaitable<result<SagaAnswer>> undo(const SagaTurn& turn) override {
        co_return co_await say(turn.step, true);
    }
    bool is_refusal(const Error& error) const override {
        return error.code == std::make_error_code(std::errc::operation_not_permitted);
    }
    Decision tell(const std::string& id, const Aggregate&, event::Version version,
                  const Told& told) const override {
        const auto event_id = fmt::format("{}:{}", id, version + 1);
        return Decision{{event::Event::make({.category = &trip,
                                             .type = static_cast<std::uint8_t>(told.move),
                                             .fingerprint = static_cast<std::uint64_t>(told.move),
                                             .stream_id = id,
                                             .id = event_id,
                                             .subject = "",
                                             .json = fmt::format(R"({{"step":{},"at":{}}})", told.step,
                                                                 clock_.now().time_since_epoch().count())})}};
    }
    std::array<SagaStep, 3> steps_{{{"pay", 60s, 60s}, {"reserve", 60s, 60s}, {"ship", 60s, 60s}}};

  private:
    awaitable<result<SagaAnswer>> say(std::size_t step, bool undoing) {
        co_await aio::pause(1ms);
        switch (world_.ask(step, undoing)) {
            case Say::done:
                co_return SagaAnswer::done;
            case Say::later:
                co_return SagaAnswer::later;
            case Say::refused:
                co_return fail(std::make_error_code(std::errc::operation_not_permitted), {}, "no");
            default:
                co_return fail(std::make_error_code(std::errc::timed_out), {}, "silence");
        }
    }

    SagaWorld& world_;
    const Clock& clock_;
};

/// Takes the first groups and loses the rest; may keep the first of these without saying so.
class DyingStore final : public store::test::ForwardingStore {
  public:
    using ForwardingStore::ForwardingStore;

    awaitable<std::vector<store::CommitResult>> commit_many(std::span<store::Commit> commits) override {
        if (lives_for > 0) {
            --lives_for;
            co_return co_await behind->commit_many(commits);
        }
        if (std::exchange(keeps_one, false)) co_await behind->commit_many(commits);
        co_return std::vector<store::CommitResult>(
            commits.size(), tl::unexpected{store::Refusal{.code = store::errc::unavailable}});
    }

    int lives_for = 0;
    bool keeps_one = false;
};

/// What a node has of it, over a store that outlives it.
struct Node {
    Node(const aio::Strand& core, store::EventStore& store, const Clock& clock, SagaWorld& world)
        : hub{core, store, nobody, system_clock(), 1h},
          committer{core, store, hub},
          plan{world, clock},
          manager{core,
                  clock,
                  store,
                  committer,
                  plan,
                  {&trip, &no_upcasters, 1, 0, [] { return std::make_unique<Trip>(); }},
                  {.lease = 50ms, .look_every = 2ms},
                  [] {}} {}
    awaitable<void> stop() {
        committer.stop();
        co_await manager.stop();
    }
    awaitable<result<store::Receipt>> begin(const std::string& id) {
        const auto event_id = id + ":1";
        return manager.begin({.stream_id = id,
                              .event_id = event_id,
                              .fingerprint = 0,
                              .decide = [this, id](const Aggregate& state, event::Version version) {
                                  return result<Decision>{plan.tell(id, state, version, {})};
                              }});
    }

    Nobody nobody;
    FeedHub hub;
    Committer committer;
    TripPlan plan;
    ProcessManager manager;
};

class ProcessManagerTest : public stepcast::testing::StrandTest {
  protected:
    template <class Body>
    void serve(Body body) {
        run([&]() -> awaitable<void> {
            node.manager.start();
            EXPECT_TRUE(co_await node.begin("T"));
            co_await body();
            co_await node.stop();
        });
    }
    awaitable<SagaState> state(Node& of) {
        const auto loaded = co_await of.manager.load("T");
        co_return loaded ? static_cast<const Trip&>(*loaded->state).state : SagaState{};
    }
    /// The saga stands so, and who drove it has noted that.
    awaitable<bool> comes(Node& of, SagaStatus wanted) {
        const auto driven = [&of] { return rows(of)["stepcast_saga_active|saga=trip"] != 0; };
        for (int i = 0; i < 4'000 && ((co_await state(of)).status != wanted || driven()); ++i)
            co_await aio::pause(1ms);
        co_return (co_await state(of)).status == wanted;
    }
    /// Until a step has said what it was to say.
    awaitable<void> said(std::size_t step, bool undoing) {
        for (int i = 0; i < 4'000 && !world.script[{step, undoing}].empty(); ++i) co_await aio::pause(1ms);
    }
    static std::map<std::string, double> rows(const Node& of) {
        stepcast::testing::MetricRows rows;
        return of.manager.read_metrics(rows), rows.values;
    }
    awaitable<std::size_t> timers() { co_return (co_await memory.due(Timestamp::max(), 100)).value().size(); }

    SagaWorld world;
    Hand clock;
    store::MemoryStore memory{{}};
    Node node{core, memory, clock, world};
};

}  // namespace stepcast::flow::test
