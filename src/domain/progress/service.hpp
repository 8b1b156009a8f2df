#pragma once
#include <array>
#include <boost/unordered/unordered_flat_set.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "aio/gate.hpp"
#include "aio/types.hpp"
#include "base/hash.hpp"
#include "broadcast/catch_up.hpp"
#include "domain/progress/projection.hpp"
#include "flow/feed_hub.hpp"
#include "flow/replay.hpp"
#include "store/store.hpp"

namespace stepcast::progress {

using aio::awaitable;

struct Options {
    Duration recovery_window =
        std::chrono::hours{1};       ///< tasks that ended longer ago are not recovered without a cursor
    std::size_t recovery_max = 200;  ///< recoveries a connect
    Duration stall_after = std::chrono::seconds{30};
    std::uint64_t max_events_per_task = 100'000;
};

/// A task's state at some version, with what is needed to answer for it.
struct TaskView {
    std::string user_id;
    ProgressState state;
    bool stalled = false;  ///< never of a past state
};

enum class query_errc { unknown_task = 1, beyond_head, trimmed, rebuilding, unavailable };
std::error_code make_error_code(query_errc e);

using flow::recovery_reason_names;
using flow::RecoveryReason;

/// What a task stream is answered with before it begins.
enum class Entry { stream, finished, not_owner };

/// Reads of progress, and what follows each commit: the seeds' ProgressEventService. State lives on the core
/// strand; every awaitable of its own hops there by itself and resumes the caller where it was.
class ProgressEventService final : public flow::Projection {
  public:
    /// What happened so far; on the core strand.
    struct Counts {
        using Recoveries = std::array<std::uint64_t, recovery_reason_names.size()>;
        Recoveries user_recoveries{};  ///< told to connecting user streams, by reason
        Recoveries task_recoveries{};  ///< the same of task streams
        std::uint64_t snapshots_saved = 0;
        std::uint64_t snapshots_failed =
            0;  ///< could not be made or saved; the task stays longer than it may
        std::uint64_t snapshots_ignored =
            0;  ///< read and of no use: damaged, or of another layout or version
    };

    /// Everything outlives the service. Its owner adds it to the hub.
    ProgressEventService(const aio::Strand& core, store::EventStore& store, flow::FeedHub& hub,
                         broadcast::Publisher& publisher, const Clock& clock, Options options);

    /// Starts watching for stalled tasks.
    void start();
    /// Ends that. On the core strand.
    awaitable<void> stop();

    std::span<const event::Category* const> categories() const override;
    awaitable<void> apply(std::span<const event::EventRef> events, event::Position through) override;
    /// Tells those who watch of the tasks that were stalled and move again.
    void published() override;
    void expired(const store::ExpiredStream& stream) override;
    /// Trims it.
    void oversized(const store::Oversized& stream) override;
    std::uint64_t memory() const override { return projection_.memory(); }
    void reset() override;

    /// False while the node rebuilds its state: streams wait, unknown tasks are 503. Any thread.
    bool live() const { return hub_.live(); }

    /// The last version whose own time is not after `at`. Before the first one: beyond_head; in what was
    /// folded into a snapshot: trimmed.
    awaitable<result<event::Version>> version_at(std::string task_id, Timestamp at);
    /// The task as it is, or as it was at a version.
    awaitable<result<TaskView>> status(std::string task_id, std::optional<event::Version> version);
    /// Events from a number on; unknown_task if there are none.
    struct History {
        std::vector<event::EventRef> events;
        bool more = false;
        event::Version head = 0;  ///< of a task: the version that was asked for, or its last
    };
    awaitable<result<History>> history(std::string task_id, std::optional<event::Version> version,
                                       event::Version from, std::size_t limit);
    awaitable<result<History>> user_events(std::string user_id, event::Position from, std::size_t limit);

    /// Folds tasks anew whose events came over several partitions, by the times of their records. `keep`: a
    /// later start finds these states in the store, since nothing else there tells of partitions. On the core
    /// strand, before anything is live.
    awaitable<void> refold(std::vector<std::string> task_ids, bool keep);
    /// Takes up the states that an earlier start kept, once all that the store holds is folded. As above.
    awaitable<void> take_up_refolded();

    awaitable<Entry> enter(std::string task_id, std::string user_id, std::string cursor);
    /// `user_id` empty: of anyone (task streams only). `cursor` empty: none given.
    std::unique_ptr<broadcast::StreamSource> task_source(std::string task_id, std::string user_id,
                                                         std::string cursor);
    std::unique_ptr<broadcast::StreamSource> user_source(std::string user_id, std::string cursor);

    const aio::Strand& core() const { return core_; }
    store::EventStore& store() { return store_; }
    ProgressProjection& projection() { return projection_; }  ///< on the core strand
    const ProgressProjection& projection() const { return projection_; }
    const Clock& clock() const { return clock_; }
    const Options& options() const { return options_; }
    Counts& counts() { return counts_; }
    const Counts& counts() const { return counts_; }

    /// A `recovery` frame for a task as it stands now.
    bool is_stalled(const Task& task) const;
    event::EventRef recovery_frame(const Task& task) const;

  private:
    awaitable<void> tick();
    result<const Task*> find(std::string_view task_id, std::optional<event::Version> version) const;
    awaitable<void> fold_all(std::span<const event::EventRef> events);
    awaitable<void> note_refolded(std::span<const event::EventRef> events);
    awaitable<void> keep_refolded(std::vector<store::Commit>& states);
    awaitable<void> restore(const event::Event& first);
    void announce(const std::vector<const Task*>& tasks);
    awaitable<void> trim(std::string task_id);
    awaitable<result<std::vector<event::EventRef>>> read_versions(std::string_view task_id,
                                                                  event::Version from, event::Version to);
    awaitable<result<ProgressState>> base_state(std::string_view task_id, event::Version first_version);

    const aio::Strand core_;
    store::EventStore& store_;
    flow::FeedHub& hub_;
    broadcast::Publisher& publisher_;
    const Clock& clock_;
    const Options options_;
    ProgressProjection projection_;
    boost::unordered_flat_set<std::string, KeyedHash, std::equal_to<>> trimming_;  // tasks, one trim each
    std::vector<const Task*> resumed_;   // were stalled before what was applied last
    std::vector<std::string> refolded_;  // tasks that the store keeps a state of beside their events
    std::vector<const Task*> moved_;     // scratch of tick
    Counts counts_;
    aio::Notice stop_;
    aio::Gate gate_;
};

}  // namespace stepcast::progress

template <>
struct std::is_error_code_enum<stepcast::progress::query_errc> : std::true_type {};
