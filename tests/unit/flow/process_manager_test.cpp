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

namespace stepcast::flow {
namespace {

using namespace std::chrono_literals;
using aio::awaitable;
using ::testing::ElementsAre;

constexpr std::array<std::string_view, 9> types{"BEGUN",     "DONE",        "REFUSED", "DOUBTED", "UNDONE",
                                                "COMPLETED", "COMPENSATED", "STUCK",   "RESUMED"};
constexpr event::Category trip{"trip", "trip", types, false};
const event::Upcasters no_upcasters;
constexpr std::array<std::string_view, 2> members{"step", "at"};

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
struct World {
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
    TripPlan(World& world, const Clock& clock) : world_{world}, clock_{clock} {}

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

    World& world_;
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
    Node(const aio::Strand& core, store::EventStore& store, const Clock& clock, World& world)
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
    awaitable<bool> comes(Node& of, SagaStatus wanted) {
        for (int i = 0; i < 4'000 && (co_await state(of)).status != wanted; ++i) co_await aio::pause(1ms);
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

    World world;
    Hand clock;
    store::MemoryStore memory{{}};
    Node node{core, memory, clock, world};
};

TEST_F(ProcessManagerTest, steps_are_carried_out_in_their_order) {
    serve([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await comes(node, SagaStatus::completed));
        EXPECT_THAT(world.log, ElementsAre("+0", "+1", "+2"));
        EXPECT_EQ(co_await timers(), 0u);
        EXPECT_EQ(rows(node)["stepcast_saga_seconds|saga=trip|result=completed"], 1);
        EXPECT_TRUE((co_await node.begin("T"))->deduplicated);
    });
}

TEST_F(ProcessManagerTest, what_was_carried_out_is_undone_in_reverse) {
    world.script[{2, false}] = {Say::refused};
    serve([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await comes(node, SagaStatus::compensated));
        EXPECT_THAT(world.log, ElementsAre("+0", "+1", "-1", "-0"));
        EXPECT_EQ(step_status(co_await state(node), 2), "REFUSED");
        EXPECT_EQ(step_status(co_await state(node), 1), "UNDONE");
        EXPECT_EQ(co_await timers(), 0u);
    });
}

TEST_F(ProcessManagerTest, a_first_step_that_is_refused_leaves_nothing_to_undo) {
    world.script[{0, false}] = {Say::refused};
    serve([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await comes(node, SagaStatus::compensated));
        EXPECT_TRUE(world.log.empty());
    });
}

TEST_F(ProcessManagerTest, an_outage_is_waited_for_and_doubles_nothing) {
    world.script[{1, false}] = {Say::unknown, Say::done_but_unknown};
    serve([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await comes(node, SagaStatus::completed));
        EXPECT_THAT(world.log, ElementsAre("+0", "+1", "+2"));
    });
}

TEST_F(ProcessManagerTest, a_step_in_doubt_is_undone_itself) {
    world.script[{1, false}].assign(100, Say::unknown);
    world.script[{1, false}].front() = Say::done_but_unknown;
    serve([&]() -> awaitable<void> {
        while (world.log.size() < 2) co_await aio::pause(1ms);
        clock.time += 61s;
        EXPECT_TRUE(co_await comes(node, SagaStatus::compensated));
        EXPECT_THAT(world.log, ElementsAre("+0", "+1", "-1", "-0"));
        EXPECT_EQ(step_status(co_await state(node), 1), "UNDONE");
    });
}

TEST_F(ProcessManagerTest, an_answer_that_comes_later_moves_it_on_once) {
    world.script[{1, false}] = {Say::later};
    serve([&]() -> awaitable<void> {
        co_await said(1, false);
        EXPECT_TRUE(co_await node.manager.answer("T", 1, false, {}));
        EXPECT_TRUE(co_await comes(node, SagaStatus::completed));
        EXPECT_EQ(node.manager.counts().late_answers, 0u);
        EXPECT_TRUE(co_await node.manager.answer("T", 1, false, {}));
        EXPECT_EQ(node.manager.counts().late_answers, 1u);
        EXPECT_EQ((co_await state(node)).status, SagaStatus::completed);
    });
}

TEST_F(ProcessManagerTest, an_answer_that_never_comes_is_a_doubt_and_comes_too_late) {
    world.script[{1, false}].assign(100, Say::later);
    serve([&]() -> awaitable<void> {
        while (world.script[{1, false}].size() == 100) co_await aio::pause(1ms);
        clock.time += 61s;
        EXPECT_TRUE(co_await comes(node, SagaStatus::compensated));
        EXPECT_TRUE(co_await node.manager.answer("T", 1, false, {}));
        EXPECT_EQ(node.manager.counts().late_answers, 1u);
        EXPECT_EQ((co_await state(node)).status, SagaStatus::compensated);
        EXPECT_THAT(world.log, ElementsAre("+0", "-0"));
    });
}

TEST_F(ProcessManagerTest, what_cannot_be_undone_is_stuck_until_it_is_resumed) {
    world.script[{2, false}] = {Say::refused};
    world.script[{1, true}] = {Say::refused};
    serve([&]() -> awaitable<void> {
        EXPECT_EQ((co_await node.manager.resume("none", {})).error().code, saga_errc::unknown_saga);
        EXPECT_TRUE(co_await comes(node, SagaStatus::stuck));
        EXPECT_EQ(step_status(co_await state(node), 1), "STUCK");
        EXPECT_EQ(rows(node)["stepcast_saga_stuck|saga=trip"], 1);
        EXPECT_EQ(rows(node)["stepcast_saga_seconds|saga=trip|result=stuck"], 1);
        EXPECT_THAT(world.log, ElementsAre("+0", "+1")) << "it waits for somebody";
        EXPECT_EQ((co_await node.manager.resume("T", "ship")).error().code, saga_errc::unknown_step);
        EXPECT_TRUE(co_await node.manager.resume("T", {}));
        EXPECT_TRUE(co_await comes(node, SagaStatus::compensated));
        EXPECT_THAT(world.log, ElementsAre("+0", "+1", "-1", "-0"));
        EXPECT_EQ((co_await node.manager.resume("T", {})).error().code, saga_errc::not_stuck);
        EXPECT_EQ(rows(node)["stepcast_saga_stuck|saga=trip"], 0);
        EXPECT_EQ(co_await timers(), 0u);
    });
}

TEST_F(ProcessManagerTest, what_is_stuck_is_counted_after_a_restart) {
    world.script[{1, false}] = {Say::refused};
    world.script[{0, true}] = {Say::refused};
    serve([&]() -> awaitable<void> { EXPECT_TRUE(co_await comes(node, SagaStatus::stuck)); });
    run([&]() -> awaitable<void> {
        Node second{core, memory, clock, world};
        second.manager.start();
        for (int i = 0; i < 4'000 && second.manager.counts().stuck == 0; ++i) co_await aio::pause(1ms);
        EXPECT_EQ(second.manager.counts().stuck, 1u);
        EXPECT_TRUE(co_await second.manager.resume("T", {}));
        EXPECT_TRUE(co_await comes(second, SagaStatus::compensated));
        EXPECT_EQ(second.manager.counts().stuck, 0u);
        EXPECT_EQ(co_await timers(), 0u);
        co_await second.stop();
    });
}

TEST_F(ProcessManagerTest, an_undoing_that_nobody_answers_is_stuck_in_the_end) {
    world.script[{1, false}] = {Say::refused};
    world.script[{0, true}].assign(100, Say::unknown);
    serve([&]() -> awaitable<void> {
        while (world.script[{0, true}].size() == 100) co_await aio::pause(1ms);
        clock.time += 61s;
        EXPECT_TRUE(co_await comes(node, SagaStatus::stuck));
    });
}

TEST_F(ProcessManagerTest, what_was_undone_by_hand_is_passed_over) {
    world.script[{2, false}] = {Say::refused};
    world.script[{1, true}] = {Say::refused};
    serve([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await comes(node, SagaStatus::stuck));
        EXPECT_TRUE(co_await node.manager.resume("T", "pay"));
        EXPECT_TRUE(co_await comes(node, SagaStatus::compensated));
        EXPECT_THAT(world.log, ElementsAre("+0", "+1", "-0"));
    });
}

TEST_F(ProcessManagerTest, a_timer_of_what_has_ended_does_nothing_and_is_counted) {
    serve([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await comes(node, SagaStatus::completed));
        std::vector<store::Commit> late(1);
        late[0].timers = {{"trip T", clock.time, "trip", "T"}, {"trip gone", clock.time, "trip", "gone"}};
        EXPECT_TRUE((co_await memory.commit_many(late))[0]);
        for (int i = 0; i < 4'000 && co_await timers() != 0; ++i) co_await aio::pause(1ms);
        EXPECT_EQ(node.manager.counts().late_timers, 2u);
        EXPECT_THAT(world.log, ElementsAre("+0", "+1", "+2"));
    });
}

/// Whatever commit everything ends at, written or lost, every step has its effect once, or none.
TEST_F(ProcessManagerTest, a_kill_at_any_commit_loses_and_doubles_no_step) {
    for (int at = 0; at < 14; ++at)
        for (const bool refuses : {false, true}) {
            World its;
            if (refuses) its.script[{2, false}] = {Say::refused, Say::refused, Say::refused, Say::refused};
            store::MemoryStore kept{{}};
            DyingStore dying{kept};
            dying.lives_for = at / 2;
            dying.keeps_one = at % 2 == 1;  // written, and nobody is told
            run([&]() -> awaitable<void> {
                Node first{core, dying, clock, its};
                first.committer.stop();  // an outage is not waited for
                first.manager.start();
                std::ignore = co_await first.begin("T");
                for (int i = 0; i < 30; ++i) co_await aio::pause(1ms);
                co_await first.stop();
            });
            run([&]() -> awaitable<void> {
                Node second{core, kept, clock, its};
                while (!co_await kept.lease("trips", "between", 1ms)) co_await aio::pause(1ms);
                second.manager.start();
                EXPECT_TRUE(co_await second.begin("T"));
                EXPECT_TRUE(co_await comes(second, refuses ? SagaStatus::compensated : SagaStatus::completed))
                    << at;
                co_await second.stop();
            });
            if (refuses)
                EXPECT_THAT(its.log, ElementsAre("+0", "+1", "-1", "-0")) << at;
            else
                EXPECT_THAT(its.log, ElementsAre("+0", "+1", "+2")) << at;
        }
}

}  // namespace
}  // namespace stepcast::flow
