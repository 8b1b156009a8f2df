#pragma once
#include <algorithm>
#include <array>
#include <boost/intrusive/list.hpp>
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/sharded_map.hpp"
#include "domain/progress/model.hpp"
#include "store/store.hpp"

namespace stepcast::progress {

struct User;

struct RecencyTag;
struct WatchTag;
using RecencyHook = boost::intrusive::list_base_hook<boost::intrusive::tag<RecencyTag>>;
using WatchHook = boost::intrusive::list_base_hook<boost::intrusive::tag<WatchTag>>;

/// One moment on the clock that people read, which may be set, and on the one that nobody can set.
struct Instant {
    Timestamp wall{};
    std::chrono::steady_clock::time_point steady{};
};

/// One task as the projection knows it.
struct Task : RecencyHook, WatchHook {
    std::string id;
    User* user = nullptr;
    static constexpr std::int32_t no_partition = -1;
    std::int32_t partition = no_partition;  ///< over which its last event came, as far as this process saw it
    bool split = false;                     ///< its events came over several: only their times tell the order
    event::Version first_version = 1;       ///< lowest version that the store still holds
    bool stalled = false;
    std::chrono::steady_clock::time_point moved_at{};  ///< when its last event was stored
    ProgressState state;

    /// Running, and no event for `stall_after`.
    bool is_silent(std::chrono::steady_clock::time_point now, Duration stall_after) const {
        return !state.finished() && now - moved_at >= stall_after;
    }
};

/// A user's tasks, the one with the newest event first.
struct User {
    std::string id;
    boost::intrusive::list<Task, boost::intrusive::base_hook<RecencyHook>> tasks;
    std::size_t stalled = 0;  ///< of the tasks
};

/// State of every stored task, folded from the feed: current snapshots, who owns what, who has stalled. Lives
/// on the core strand; everything in it can be thrown away and folded again.
class ProgressProjection {
  public:
    struct Counts {
        std::array<std::uint64_t, 4> by_status{};  ///< tasks by EventType
        std::uint64_t stalled = 0;
        std::uint64_t users = 0;
        std::uint64_t seq_gaps = 0;   ///< events whose `seq` left out numbers
        std::uint64_t seq_stale = 0;  ///< events whose `seq` was not above the highest of their task
        event::Position applied = 0;
    };

    ProgressProjection();
    ~ProgressProjection();

    /// Applies committed events in position order, up to the first of a task that is not known and whose
    /// first events were folded into a snapshot: it needs `restore`. Returns how many. Tasks that were
    /// stalled and move again are appended to `resumed`.
    std::size_t apply(std::span<const event::EventRef> events, const Instant& now,
                      std::vector<const Task*>& resumed);
    /// Opens a task as its snapshot left it; `first_version` is the lowest that the store still holds.
    void restore(std::string_view task_id, std::string_view user_id, ProgressState state,
                 event::Version first_version);
    /// The task's state is this one, folded in another order.
    void replace(Task& task, ProgressState state);
    /// Up to `through` nothing is left to apply: what stood there has expired.
    void note_applied(event::Position through) { counts_.applied = std::max(counts_.applied, through); }
    /// Forgets tasks that the store has expired, unless they have newer events.
    void expire(std::span<const store::ExpiredStream> streams);
    /// Forgets everything.
    void clear();
    /// Marks tasks without an event for `stall_after` and appends them to `stalled`, at most `limit`.
    void mark_stalled(std::chrono::steady_clock::time_point now, Duration stall_after, std::size_t limit,
                      std::vector<const Task*>& stalled);

    const Task* find(std::string_view task_id) const { return tasks_.find(task_id); }
    Task* find(std::string_view task_id) { return tasks_.find(task_id); }
    const User* find_user(std::string_view user_id) const { return users_.find(user_id); }
    event::Position applied() const { return counts_.applied; }
    const Counts& counts() const { return counts_; }
    /// Bytes that all of it takes.
    std::uint64_t memory() const { return bytes_; }

  private:
    Task& open(std::string_view task_id, std::string_view user_id);
    void remove(Task& task);
    void watch(Task& task);
    void set_stalled(Task& task, bool stalled);
    void set_state(Task& task, ProgressState state);

    ShardedMap<Task> tasks_;
    ShardedMap<User> users_;
    // Running tasks that have not stalled, the one silent the longest first.
    boost::intrusive::list<Task, boost::intrusive::base_hook<WatchHook>> watched_;
    Counts counts_;
    std::uint64_t bytes_ = 0;  // of tasks and users
    ProgressEvent scratch_;
};

}  // namespace stepcast::progress
