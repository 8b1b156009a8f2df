#pragma once
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "aio/gate.hpp"
#include "event/metadata.hpp"
#include "flow/aggregate.hpp"
#include "flow/committer.hpp"

namespace stepcast::flow {

/// What a command comes to.
struct Decision {
    /// In order, all of the command's stream and of today's schema; none: nothing is written there.
    std::vector<event::Draft> events;
    store::Commit beside{};  ///< what goes into the same commit: outbox, timers, marks
};

/// A question to one stream's state.
struct Command {
    std::string stream_id;
    /// The id of the first event that it leads to: if the stream has that event, the command was carried out
    /// before and is not decided again. Empty: it is decided each time.
    std::string event_id{};
    std::uint64_t fingerprint =
        0;  ///< of that event; a stored one with another is store::errc::idempotency_conflict
    /// What the state says to it; a refusal is the caller's answer. Pure, because it is asked again on
    /// another state when another writer was first.
    std::function<result<Decision>(const Aggregate& state, event::Version version)> decide;
    /// What goes with everything that it leads to (see flow::lay_on).
    event::Metadata cause{};
};

/// Carries out commands on the streams of one category: those on one stream one after another, each decided
/// on the state that the ones before it lead to. What came in one turn is one group for the store, of
/// whichever streams it is; what comes for a stream while its group is being written is in a later one.
/// States of streams stay in memory while they are in use, the latest `max_idle` of them also when not. All
/// calls on the core strand.
class Commands {
  public:
    struct Bounds {
        std::size_t max_waiting = 10'000;  ///< commands under way; beyond it they are refused as unavailable
        std::size_t max_idle = 10'000;     ///< states of streams that no command is under way for
        std::size_t max_group = 256;       ///< commands of one stream in one group; with so many it is full
        std::size_t max_streams = 64;      ///< streams in one group
        int max_tries = 8;                 ///< decisions of one command when other writers come first
    };

    /// All outlive it.
    Commands(const aio::Strand& core, store::EventStore& store, Committer& committer, AggregateKind kind,
             Bounds bounds)
        : core_{core},
          store_{store},
          committer_{committer},
          reader_{store, std::move(kind)},
          bounds_{bounds},
          gate_{core} {}

    /// Returns once the command's events are durable, or with the decision's refusal, or with why it could
    /// not be carried out: store::errc::unavailable may be sent again. Never throws.
    aio::awaitable<result<store::Receipt>> handle(Command command);

    /// Refuses what comes from now on and waits for what is under way. After Committer::stop, or the store's
    /// outages would be waited for.
    aio::awaitable<void> stop() { co_await gate_.close(); }

    /// What became of the snapshots that were to be written with events.
    struct Snapshots {
        std::uint64_t saved = 0;
        std::uint64_t failed = 0;  ///< refused with their commit
    };
    const Snapshots& snapshots() const { return snapshots_; }

    AggregateReader& reader() { return reader_; }
    const AggregateReader& reader() const { return reader_; }

  private:
    struct Call {
        Call(Command c, const aio::Strand& core) : command{std::move(c)}, answered{core} {}
        Command command;
        aio::Notice answered;
        std::optional<result<store::Receipt>> outcome;
        int tries = 0;
    };
    using CallRef = std::shared_ptr<Call>;
    struct Stream {
        Loaded now;  ///< as it will be once all that was decided is written; no state: to be loaded
        std::list<CallRef> calls;
        bool busy = false;
        std::list<const std::string*>::iterator idle;  ///< its place there while it is not busy
    };
    using Streams = std::unordered_map<std::string, Stream>;
    /// One command of a group: the place of its commit, or why there is none.
    struct Decided {
        explicit Decided(CallRef c) : call{std::move(c)} {}
        CallRef call;
        std::optional<std::size_t> commit;
        event::Version leads_to = 0;  ///< the stream's version behind the commit's events; 0: it has none
        Error refusal{};
    };

    /// What one stream has in a group.
    struct Share {
        Streams::value_type* entry;
        std::vector<Decided> decided;
    };

    void begin(Streams::value_type& entry);
    void go_on(Streams::value_type& entry);
    aio::awaitable<void> load(Streams::value_type& entry);
    void gather(Streams::value_type& entry);
    void begin_group();
    aio::awaitable<void> carry_out_group();
    aio::awaitable<result<void>> answer_known(const std::string& id, Stream& stream);
    std::vector<Decided> decide(const std::string& id, Stream& stream, std::vector<store::Commit>& commits);
    store::Commit take(const std::string& id, Stream& stream, Decision decision,
                       const event::Metadata& cause);
    aio::awaitable<void> settle(const std::string& id, Stream& stream, std::vector<Decided> group,
                                const std::vector<store::CommitResult>& outcomes);
    void count(const std::vector<bool>& saves, std::span<const store::CommitResult> outcomes);
    static bool led_there(const Decided& decided, const store::CommitResult& outcome);
    static void refuse_all(std::vector<Decided>& refused);
    static void answer(Call& call, result<store::Receipt> outcome);
    static void refuse_all(Stream& stream, const Error& error);
    void put_by(Streams::value_type& entry);

    const aio::Strand core_;
    store::EventStore& store_;
    Committer& committer_;
    AggregateReader reader_;
    const Bounds bounds_;
    Streams streams_;
    Snapshots snapshots_;
    std::list<const std::string*> idle_;         // least recently used first
    std::deque<Streams::value_type*> gathered_;  // with calls and a state, for the next group
    aio::Gate gate_;
};

}  // namespace stepcast::flow
