#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "aio/gate.hpp"
#include "aio/stop.hpp"
#include "base/histogram.hpp"
#include "base/metric_sink.hpp"
#include "flow/commands.hpp"
#include "flow/open_sagas.hpp"
#include "flow/saga_state.hpp"

namespace stepcast::flow {

enum class saga_errc {
    unknown_saga = 1,  ///< no saga of that id has begun
    not_stuck,         ///< only one that is stuck is resumed
    unknown_step,      ///< it has no such step, or not behind where it is stuck
    unreadable,        ///< its stream holds what cannot be read
    too_many           ///< sagas are under way: come again
};
std::error_code make_error_code(saga_errc e);

struct SagaStep {
    std::string_view name;
    /// How long an answer is waited for, from the step's registration on; then the step counts as in doubt
    /// and is undone. 0: for ever, for a step that can be given again until its outcome is known.
    Duration patience{};
    /// The same for what undoes it; then the saga is stuck.
    Duration undo_patience{};
    /// Without patience: when it is looked at again although nothing came, for a step that rests for long. 0:
    /// after half a minute.
    Duration look_after{};
};

/// What a step is carried out with. Valid until its outcome is there.
struct SagaTurn {
    const std::string& id;
    const Aggregate& state;
    std::size_t step;
    const store::Fence& fence;     ///< belongs into every commit of the step
    const event::Metadata& cause;  ///< the same
};

enum class SagaAnswer : std::uint8_t {
    done,
    later  ///< it is asked for; ProcessManager::answer brings the outcome
};

/// What a domain says of its sagas of one kind. Everything on the core strand.
class SagaPlan {
  public:
    virtual ~SagaPlan() = default;

    /// Of the kind: what its timers and its metrics are called. Constant.
    virtual std::string_view name() const = 0;
    /// In the order of carrying out; at least one. Constant.
    virtual std::span<const SagaStep> steps() const = 0;
    /// Of a stream's state; null if that cannot be read.
    virtual const SagaState* saga(const Aggregate& state) const = 0;
    virtual std::string owner(const Aggregate& state) const = 0;
    /// Why it turned back or is stuck; empty: neither.
    virtual std::string reason(const Aggregate& state) const = 0;

    /// Carries out, or undoes, the step that the turn names. Either may come again for the same step, also
    /// after it was carried out, and then has to come to the same; `undo` may come for a step that never was.
    virtual aio::awaitable<result<SagaAnswer>> act(const SagaTurn& turn) = 0;
    virtual aio::awaitable<result<SagaAnswer>> undo(const SagaTurn& turn) = 0;
    /// Whether an error says that the step was not and will not be carried out. Every other leaves it open.
    virtual bool is_refusal(const Error& error) const = 0;

    struct Told {
        SagaMove move = SagaMove::begun;
        std::size_t step = 0;  ///< the one that it is about; of `resumed`, where it goes on
        std::string reason{};
    };
    /// The event that a move is, and what it owes the bus. Timers and fence are added. Pure.
    virtual Decision tell(const std::string& id, const Aggregate& state, event::Version version,
                          const Told& told) const = 0;
};

/// Drives the sagas of one kind, each with a stream of its own. A step is registered in the stream before it
/// is carried out, and with it that it may have to be undone; what was registered is undone in reverse, and
/// what cannot be undone leaves the saga stuck until somebody resumes it. What is under way is a timer in the
/// store, set anew by every move and gone with the last one, so it goes on after a restart. What is stuck is
/// one of another kind, so it is counted after a restart. Whoever has the lease drives: of several nodes one.
/// On the core strand.
class ProcessManager {
  public:
    struct Options {
        std::size_t max_under_way = 10'000;
        Duration lease = std::chrono::seconds{30};
        Duration look_every = std::chrono::seconds{5};  ///< for timers that are due
    };

    /// All outlive it. `owed`: a commit has left messages to the bus.
    ProcessManager(const aio::Strand& core, const Clock& clock, store::EventStore& store,
                   Committer& committer, SagaPlan& plan, AggregateKind kind, Options options,
                   std::function<void()> owed);

    /// Begins the saga that is named by the command's stream; its `decide` gives what `tell` would. A saga
    /// that was begun by the same command stays as it is.
    aio::awaitable<result<store::Receipt>> begin(Command command);
    /// The outcome of a step that answered `later`: of carrying it out, or with `undoing` of undoing it. An
    /// error is a refusal. What the saga waits for no more changes nothing and is counted.
    /// `cause`: of the answer, as those below.
    aio::awaitable<result<void>> answer(std::string id, std::size_t step, bool undoing, result<void> outcome,
                                        event::Metadata cause);
    /// A saga that is running turns back with the step that it stands at, which may have been carried out.
    /// One that is not running stays as it is. saga_errc::unknown_saga, or the store's error.
    aio::awaitable<result<void>> turn_back(std::string id, std::string reason, event::Metadata cause);
    /// One that is stuck goes on with undoing the step that it is stuck at, or an earlier one by its name:
    /// then those between were undone by hand.
    aio::awaitable<result<store::Receipt>> resume(std::string id, std::string step);
    /// saga_errc::unknown_saga, unreadable, or the store's error.
    aio::awaitable<result<Loaded>> load(const std::string& id);

    /// Goes on with what is under way, and watches the timers.
    void start();
    aio::awaitable<void> stop();
    bool stopping() const { return stop_.raised(); }

    struct Counts {
        std::size_t under_way = 0;
        std::size_t stuck = 0;           ///< now, those of other nodes as of the last look at the timers
        std::uint64_t late_timers = 0;   ///< of sagas that had ended or are stuck
        std::uint64_t late_answers = 0;  ///< of steps that nothing waits for
    };
    Counts counts() const;
    /// Those that this node knows to be under way or stuck; after a start only once it has looked at their
    /// timers.
    const OpenSagas& open() const { return open_; }
    void read_metrics(MetricSink& sink) const;
    const SagaPlan& plan() const { return plan_; }

  private:
    aio::awaitable<void> watch();
    aio::awaitable<result<void>> look(Timestamp until);
    aio::awaitable<void> know_stuck(std::vector<std::string> ids);
    void drive_beside(const std::string& id);
    aio::awaitable<void> drive(std::string id);
    aio::awaitable<result<bool>> step(const std::string& id);
    aio::awaitable<result<bool>> carry_out(const SagaTurn& turn, const SagaState& state);
    aio::awaitable<result<store::Receipt>> advance(const std::string& id, const SagaState& from,
                                                   SagaPlan::Told told, std::optional<store::Fence> fence,
                                                   event::Metadata cause);
    aio::awaitable<event::Metadata> last_cause(const std::string& id);
    void count(const std::string& id, const SagaState& from, const SagaPlan::Told& told);
    Decision with_timer(const std::string& id, const SagaState& after, Decision decision) const;
    std::string timer_id(const std::string& id) const;
    std::string stuck_kind() const;

    const aio::Strand core_;
    const Clock& clock_;
    store::EventStore& store_;
    Committer& committer_;
    SagaPlan& plan_;
    const Options options_;
    const std::function<void()> owed_;
    const std::string holder_;
    Commands commands_;
    std::map<std::string, bool> under_way_;  // whether it was moved from elsewhere since its last look
    struct Undoing {
        std::uint64_t undone = 0;
        std::uint64_t failed = 0;
    };
    std::vector<Undoing> undoing_;  // of each step
    struct Durations {              // from the first move on
        Histogram completed, compensated, stuck;
    };
    Durations seconds_;
    Counts counts_;
    OpenSagas open_;
    aio::Stop stop_;
    aio::Gate gate_;  // last: what is under way ends before anything that it uses
};

}  // namespace stepcast::flow

template <>
struct std::is_error_code_enum<stepcast::flow::saga_errc> : std::true_type {};
