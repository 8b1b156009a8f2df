#include "flow/process_manager.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <algorithm>
#include <tuple>

#include "aio/backoff.hpp"
#include "aio/spawn.hpp"
#include "base/error_category.hpp"
#include "base/random.hpp"
#include "flow/cause.hpp"

namespace stepcast::flow {
namespace {

using namespace std::chrono_literals;
using aio::awaitable;

// Whoever drives moves a saga, or its timer, within this time; behind it another node may look.
constexpr auto retake_after = 30s;

bool same_place(const SagaState& a, const SagaState& b) {
    return a.status == b.status && a.step == b.step;
}

}  // namespace

std::error_code make_error_code(saga_errc e) {
    static const ErrorCategory<saga_errc> category{
        "saga",
        {{saga_errc::unknown_saga, "There is no such saga"},
         {saga_errc::not_stuck, "The saga is not stuck"},
         {saga_errc::unknown_step, "The saga has no such step to undo"},
         {saga_errc::unreadable, "The saga cannot be read"},
         {saga_errc::too_many, "Too many sagas are under way"}}};
    return category.code(e);
}

ProcessManager::ProcessManager(const aio::Strand& core, const Clock& clock, store::EventStore& store,
                               Committer& committer, SagaPlan& plan, AggregateKind kind, Options options,
                               std::function<void()> owed)
    : core_{core},
      clock_{clock},
      store_{store},
      committer_{committer},
      plan_{plan},
      options_{options},
      owed_{std::move(owed)},
      holder_{random_uuid()},
      commands_{core, store, committer, std::move(kind), {}},
      undoing_(plan.steps().size()),
      gate_{core} {}

awaitable<result<store::Receipt>> ProcessManager::begin(Command command) {
    if (under_way_.size() >= options_.max_under_way) co_return fail(saga_errc::too_many);
    const auto id = command.stream_id;
    command.decide = [this, id, decide = std::move(command.decide)](const Aggregate& state,
                                                                    event::Version version) {
        auto decision = decide(state, version);
        if (!decision) return decision;
        SagaState after;
        apply(after, SagaMove::begun, clock_.now());
        return result<Decision>{with_timer(id, after, std::move(*decision))};
    };
    auto receipt = co_await commands_.handle(std::move(command));
    if (!receipt) co_return receipt;
    owed_();
    drive_beside(id);  // also a known one: the answer to its first attempt may have been lost
    co_return receipt;
}

awaitable<result<void>> ProcessManager::answer(std::string id, std::size_t step, bool undoing,
                                               result<void> outcome, event::Metadata cause) {
    const auto now = co_await load(id);
    if (!now) co_return tl::unexpected{now.error()};
    const auto& state = *plan_.saga(*now->state);
    if (state.status != (undoing ? SagaStatus::compensating : SagaStatus::running) || state.step != step) {
        ++counts_.late_answers;
        co_return result<void>{};
    }
    SagaPlan::Told told{
        .move = outcome ? move_after_success(state, plan_.steps().size()) : move_after_refusal(state),
        .step = step,
        .reason = outcome ? std::string{} : outcome.error().text()};
    const auto advanced = co_await advance(id, state, std::move(told), std::nullopt, std::move(cause));
    if (!advanced) co_return tl::unexpected{advanced.error()};
    if (advanced->version == 0) ++counts_.late_answers;  // another move was first
    drive_beside(id);
    co_return result<void>{};
}

awaitable<result<void>> ProcessManager::turn_back(std::string id, std::string reason, event::Metadata cause) {
    while (true) {
        const auto now = co_await load(id);
        if (!now) co_return tl::unexpected{now.error()};
        const auto state = *plan_.saga(*now->state);
        if (state.status != SagaStatus::running) co_return result<void>{};
        const auto advanced =
            co_await advance(id, state, {.move = SagaMove::doubted, .step = state.step, .reason = reason},
                             std::nullopt, cause);
        if (!advanced) co_return tl::unexpected{advanced.error()};
        if (advanced->version == 0) continue;  // another move was first: from where that led
        drive_beside(id);
        co_return result<void>{};
    }
}

awaitable<result<store::Receipt>> ProcessManager::resume(std::string id, std::string step) {
    const auto now = co_await load(id);
    if (!now) co_return tl::unexpected{now.error()};
    const auto& state = *plan_.saga(*now->state);
    if (state.status != SagaStatus::stuck) co_return fail(saga_errc::not_stuck);
    auto at = state.step;
    if (!step.empty()) {
        const auto steps = plan_.steps().first(state.step + 1);
        const auto named = std::ranges::find(steps, step, &SagaStep::name);
        if (named == steps.end()) co_return fail(saga_errc::unknown_step, "step");
        at = static_cast<std::size_t>(named - steps.begin());
    }
    auto cause = co_await last_cause(id);
    auto receipt =
        co_await advance(id, state, {.move = SagaMove::resumed, .step = at}, std::nullopt, std::move(cause));
    if (receipt && receipt->version == 0) co_return fail(saga_errc::not_stuck);  // somebody was first
    if (receipt) drive_beside(id);
    co_return receipt;
}

awaitable<result<Loaded>> ProcessManager::load(const std::string& id) {
    auto loaded = co_await commands_.reader().load(id);
    if (!loaded) co_return loaded;
    const auto* state = plan_.saga(*loaded->state);
    if (state == nullptr || state->step >= plan_.steps().size()) co_return fail(saga_errc::unreadable);
    if (loaded->version == 0) co_return fail(saga_errc::unknown_saga);
    co_return loaded;
}

void ProcessManager::start() {
    aio::spawn_critical(core_, "sagas", [this, hold = gate_.enter()] { return watch(); });
}

awaitable<void> ProcessManager::stop() {
    stop_.raise();
    co_await gate_.close();
    co_await commands_.stop();
}

// At the start all that are under way, then those whose time has come: nobody moved them, or answered.
awaitable<void> ProcessManager::watch() {
    bool first = true;
    while (!stop_.raised()) {
        const auto looked = co_await look(first ? Timestamp::max() : clock_.now());
        if (!looked) spdlog::warn("sagas ({}) wait for the store: {}", plan_.name(), looked.error().text());
        first = first && !looked;
        co_await stop_.pause(looked ? options_.look_every : 500ms);
    }
}

awaitable<result<void>> ProcessManager::look(Timestamp until) {
    const auto due = co_await store_.due(until, SIZE_MAX);
    if (!due) co_return tl::unexpected{due.error()};
    counts_.stuck = 0;
    std::vector<std::string> stuck;
    for (const auto& timer : *due) {
        if (timer.kind == plan_.name()) drive_beside(timer.payload);
        if (timer.kind != stuck_kind()) continue;
        ++counts_.stuck;
        if (!open_.knows(timer.payload)) stuck.push_back(timer.payload);
    }
    co_await know_stuck(std::move(stuck));
    co_return result<void>{};
}

// Nobody drives what was stuck before the start, so nobody else reads it.
awaitable<void> ProcessManager::know_stuck(std::vector<std::string> ids) {
    for (const auto& id : ids) {
        const auto now = co_await load(id);
        if (now) open_.note(id, *plan_.saga(*now->state));
        if (stop_.raised()) break;
    }
}

void ProcessManager::drive_beside(const std::string& id) {
    if (stop_.raised()) return;
    if (const auto [driven, first] = under_way_.try_emplace(id, false); !first) {
        driven->second = true;
        return;
    }
    aio::spawn_critical(core_, "saga", [this, id, hold = gate_.enter()] { return drive(id); });
}

awaitable<void> ProcessManager::drive(std::string id) {
    aio::Backoff backoff{50ms, 5s};
    while (!stop_.raised()) {
        auto& moved = under_way_[id] = false;
        const auto more = co_await step(id);
        if (more && !*more && !moved) break;
        if (more) {
            backoff.reset();
            continue;
        }
        if (more.error().code != store::errc::held)
            spdlog::warn("{} {} waits: {}", plan_.name(), id, more.error().text());
        if (!co_await stop_.pause(backoff.next())) break;
    }
    under_way_.erase(id);
}

// False when there is nothing to do now.
awaitable<result<bool>> ProcessManager::step(const std::string& id) {
    const auto fence = co_await store_.lease(fmt::format("{}s", plan_.name()), holder_, options_.lease);
    if (!fence) co_return tl::unexpected{fence.error()};
    const auto now = co_await load(id);
    const bool unknown = !now && now.error().code == saga_errc::unknown_saga;
    if (!now && !unknown) co_return tl::unexpected{now.error()};
    if (now) open_.note(id, *plan_.saga(*now->state));
    if (now && plan_.saga(*now->state)->status == SagaStatus::stuck) co_return false;
    if (unknown || !plan_.saga(*now->state)->under_way()) {
        ++counts_.late_timers;
        store::Commit late;
        late.fired.push_back(timer_id(id));
        std::ignore = co_await committer_.commit(std::move(late));
        co_return false;
    }
    const auto& state = *plan_.saga(*now->state);
    const auto cause = co_await last_cause(id);
    co_return co_await carry_out({id, *now->state, state.step, *fence, cause}, state);
}

awaitable<result<bool>> ProcessManager::carry_out(const SagaTurn& turn, const SagaState& state) {
    const bool forward = state.status == SagaStatus::running;
    const auto& step = plan_.steps()[state.step];
    auto acted = forward ? co_await plan_.act(turn) : co_await plan_.undo(turn);
    const auto patience = forward ? step.patience : step.undo_patience;
    const bool waited = patience > Duration::zero() && clock_.now() >= state.since + patience;
    const bool later = acted && *acted == SagaAnswer::later;
    const bool refused = !acted && plan_.is_refusal(acted.error());
    if (later && !waited) co_return false;
    if (!acted && !refused && !waited) co_return tl::unexpected{std::move(acted.error())};

    SagaPlan::Told told{.move = SagaMove::done, .step = state.step};
    if (refused)
        told.move = move_after_refusal(state);
    else if (acted && !later)
        told.move = move_after_success(state, plan_.steps().size());
    else
        told.move = move_after_silence(state);
    if (!acted)
        told.reason = acted.error().text();
    else if (later)
        told.reason = fmt::format("{}: no answer", step.name);
    const auto advanced = co_await advance(turn.id, state, told, turn.fence, turn.cause);
    if (!advanced) co_return tl::unexpected{advanced.error()};
    SagaState after = state;
    apply(after, told.move, state.since);
    co_return after.under_way();
}

// Writes the move unless another one was made from there: then that one counts, and the receipt has no
// version.
awaitable<result<store::Receipt>> ProcessManager::advance(const std::string& id, const SagaState& from,
                                                          SagaPlan::Told told,
                                                          std::optional<store::Fence> fence,
                                                          event::Metadata cause) {
    const auto made = std::make_shared<bool>(false);  // the question may outlive this call
    auto receipt = co_await commands_.handle(
        {.stream_id = id,
         .decide = [this, id, from, told, fence, made](const Aggregate& state,
                                                       event::Version version) -> result<Decision> {
             const auto* now = plan_.saga(state);
             *made = now != nullptr && same_place(*now, from) && may_follow(*now, told.move);
             if (!*made) return Decision{};
             SagaState after = *now;
             apply(after, told.move, clock_.now(), told.step);
             auto decision = with_timer(id, after, plan_.tell(id, state, version, told));
             decision.beside.fence = fence;
             return decision;
         },
         .cause = std::move(cause)});
    if (!receipt) co_return receipt;
    owed_();
    if (!*made) co_return receipt;
    count(id, from, told);
    SagaState after = from;
    apply(after, told.move, clock_.now(), told.step);
    open_.note(id, after);
    counts_.stuck = open_.count(SagaStatus::stuck);  // a look may have counted it before
    co_return receipt;
}

// A step is caused by the move that registered it.
awaitable<event::Metadata> ProcessManager::last_cause(const std::string& id) {
    return cause_in(store_, *commands_.reader().kind().category, id);
}

void ProcessManager::count(const std::string& id, const SagaState& from, const SagaPlan::Told& told) {
    const bool undone = told.move == SagaMove::undone || told.move == SagaMove::compensated;
    if (from.status == SagaStatus::compensating && undone) ++undoing_[from.step].undone;
    if (told.move == SagaMove::stuck) ++undoing_[from.step].failed;
    const auto seconds = std::chrono::duration<double>(clock_.now() - from.begun).count();
    switch (told.move) {
        case SagaMove::completed:
            seconds_.completed.observe(seconds);
            break;
        case SagaMove::compensated:
            seconds_.compensated.observe(seconds);
            break;
        case SagaMove::stuck:
            seconds_.stuck.observe(seconds);
            spdlog::error("{} {} is stuck: {}", plan_.name(), id, told.reason);
            break;
        default:
            break;
    }
}

// What waits for an answer is looked at when that is overdue; else when whoever drove it seems gone. What is
// stuck is due at once and always, so every look counts it.
Decision ProcessManager::with_timer(const std::string& id, const SagaState& after, Decision decision) const {
    if (after.status == SagaStatus::stuck) {
        decision.beside.timers.push_back({timer_id(id), clock_.now(), stuck_kind(), id});
        return decision;
    }
    if (!after.under_way() || after.step >= plan_.steps().size()) {
        decision.beside.fired.push_back(timer_id(id));
        return decision;
    }
    const auto& step = plan_.steps()[after.step];
    const auto patience = after.status == SagaStatus::running ? step.patience : step.undo_patience;
    const auto rests = step.look_after > Duration::zero() ? step.look_after : Duration{retake_after};
    decision.beside.timers.push_back({timer_id(id),
                                      clock_.now() + (patience > Duration::zero() ? patience : rests),
                                      std::string{plan_.name()}, id});
    return decision;
}

std::string ProcessManager::timer_id(const std::string& id) const {
    return fmt::format("{} {}", plan_.name(), id);
}

std::string ProcessManager::stuck_kind() const {
    return fmt::format("{}-stuck", plan_.name());
}

ProcessManager::Counts ProcessManager::counts() const {
    auto counts = counts_;
    counts.under_way = under_way_.size();
    return counts;
}

void ProcessManager::read_metrics(MetricSink& sink) const {
    const auto name = plan_.name();
    sink.gauge("stepcast_saga_active", "Sagas that are being driven", static_cast<double>(under_way_.size()),
               {{"saga", name}});
    sink.gauge("stepcast_saga_stuck", "Sagas that cannot go on until somebody resumes them",
               static_cast<double>(counts_.stuck), {{"saga", name}});
    const auto ended = [&](std::string_view result, const Histogram& seconds) {
        sink.histogram("stepcast_saga_seconds", "From a saga's begin until it ended, or could not go on",
                       seconds, {{"saga", name}, {"result", result}});
    };
    ended("completed", seconds_.completed);
    ended("compensated", seconds_.compensated);
    ended("stuck", seconds_.stuck);
    sink.counter("stepcast_saga_timers_late_total", "Timers of sagas that had ended",
                 static_cast<double>(counts_.late_timers), {{"saga", name}});
    sink.counter("stepcast_saga_answers_late_total", "Answers to steps that no saga waits for any more",
                 static_cast<double>(counts_.late_answers), {{"saga", name}});
    for (std::size_t i = 0; i < undoing_.size(); ++i) {
        const auto step = plan_.steps()[i].name;
        const auto add = [&](std::string_view result, std::uint64_t count) {
            sink.counter("stepcast_compensations_total", "Steps of sagas that were undone, or could not be",
                         static_cast<double>(count), {{"saga", name}, {"step", step}, {"result", result}});
        };
        add("undone", undoing_[i].undone);
        add("failed", undoing_[i].failed);
    }
}

}  // namespace stepcast::flow
