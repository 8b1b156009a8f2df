#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "aio/gate.hpp"
#include "aio/types.hpp"
#include "base/histogram.hpp"
#include "broadcast/broadcaster.hpp"
#include "broadcast/catch_up.hpp"
#include "domain/progress/projection.hpp"
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
/// strand; every awaitable hops there by itself and resumes the caller where it was.
class ProgressEventService {
  public:
    /// What happened so far; on the core strand, the histogram from any.
    struct Counts {
        using Recoveries = std::array<std::uint64_t, recovery_reason_names.size()>;
        Recoveries user_recoveries{};  ///< told to connecting user streams, by reason
        Recoveries task_recoveries{};  ///< the same of task streams
        std::uint64_t snapshots_saved = 0;
        std::uint64_t snapshots_failed =
            0;  ///< could not be made or saved; the task stays longer than it may
        std::uint64_t snapshots_ignored =
            0;                        ///< read and of no use: damaged, or of another layout or version
        std::uint64_t feed_gaps = 0;  ///< events that the feed gave twice or out of order
        Histogram commit_seconds;     ///< a group's write, refused ones too
    };

    ProgressEventService(const aio::Strand& core, store::EventStore& store,
                         broadcast::Broadcaster& broadcaster, const Clock& clock, Options options);

    /// Starts watching for stalled tasks.
    void start();
    /// Ends that. On the core strand.
    awaitable<void> stop();

    /// A group of commits that was begun at `began` has been answered; `through` is the last position
    /// written. Delivery is measured from now on. On the core strand, before the feed has read that far.
    void note_commit(std::chrono::steady_clock::time_point began, event::Position through);
    /// The feed's sink, on the core strand: folds the events and, once live, hands them to the broadcaster.
    /// Up to `through` there are no others.
    awaitable<void> on_committed(std::span<const event::EventRef> events, event::Position through);
    /// The cleaner's sink, on the core strand: forgets what expired and trims what grew too long.
    void on_cleaned(const store::EventStore::Expired& cleaned);

    /// False while the state is being rebuilt: nothing is broadcast, streams wait, unknown tasks are 503. Any
    /// thread.
    bool live() const { return live_.load(std::memory_order_acquire); }
    void set_live() { live_.store(true, std::memory_order_release); }

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

    awaitable<Entry> enter(std::string task_id, std::string user_id, std::string cursor);
    /// `user_id` empty: of anyone (task streams only). `cursor` empty: none given.
    std::unique_ptr<broadcast::StreamSource> task_source(std::string task_id, std::string user_id,
                                                         std::string cursor);
    std::unique_ptr<broadcast::StreamSource> user_source(std::string user_id, std::string cursor);

    const aio::Strand& core() const { return core_; }
    store::EventStore& store() { return store_; }
    ProgressProjection& projection() { return projection_; }  ///< on the core strand
    const Clock& clock() const { return clock_; }
    const Options& options() const { return options_; }
    Counts& counts() { return counts_; }

    /// A `recovery` frame for a task as it stands now.
    bool is_stalled(const Task& task) const;
    event::EventRef recovery_frame(const Task& task) const;

  private:
    struct Committed {
        event::Position through;
        std::chrono::steady_clock::time_point at;
    };

    awaitable<void> tick();
    result<const Task*> find(std::string_view task_id, std::optional<event::Version> version) const;
    awaitable<void> fold_all(std::span<const event::EventRef> events);
    awaitable<void> restore(const event::Event& first);
    void check_order(std::span<const event::EventRef> events);
    std::chrono::steady_clock::time_point committed_at(event::Position position);
    void announce(const std::vector<const Task*>& tasks);
    awaitable<void> trim(std::string task_id);
    awaitable<result<std::vector<event::EventRef>>> read_versions(std::string_view task_id,
                                                                  event::Version from, event::Version to);
    awaitable<result<ProgressState>> base_state(std::string_view task_id, event::Version first_version);

    const aio::Strand core_;
    store::EventStore& store_;
    broadcast::Broadcaster& broadcaster_;
    const Clock& clock_;
    const Options options_;
    ProgressProjection projection_;
    std::atomic<bool> live_{false};
    std::vector<const Task*> woken_;  // scratch of on_committed
    std::vector<const Task*> moved_;  // scratch of tick
    std::deque<Committed> commits_;   // written and not yet read by the feed; rising
    event::Position fed_ = 0;         // the highest position that the feed gave
    Counts counts_;
    aio::Notice stop_;
    aio::Gate gate_;
};

}  // namespace stepcast::progress

template <>
struct std::is_error_code_enum<stepcast::progress::query_errc> : std::true_type {};
