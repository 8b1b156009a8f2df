#pragma once
#include <boost/unordered/unordered_flat_set.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "aio/gate.hpp"
#include "aio/types.hpp"
#include "base/hash.hpp"
#include "broadcast/publisher.hpp"
#include "domain/progress/projection.hpp"
#include "domain/progress/refold.hpp"
#include "domain/progress/stored_tasks.hpp"
#include "flow/feed_hub.hpp"
#include "store/store.hpp"

namespace stepcast::progress {

using aio::awaitable;

struct Options {
    Duration recovery_window =
        std::chrono::hours{1};       ///< tasks that ended longer ago are not recovered without a cursor
    std::size_t recovery_max = 200;  ///< recoveries a connect
    Duration stall_after = std::chrono::seconds{30};
    std::uint64_t max_events_per_task = 100'000;
    /// Is told of each task that has stalled, with its version; may be empty. On the core strand.
    std::function<void(std::string_view task, event::Version version)> on_stalled{};
};

/// A task's state at some version, with what is needed to answer for it.
struct TaskView {
    std::string user_id;
    ProgressState state;
    bool stalled = false;  ///< never of a past state
};

/// Reads of progress, and what follows each commit: the seeds' ProgressEventService. State lives on the core
/// strand; every awaitable of its own hops there by itself and resumes the caller where it was.
class ProgressEventService final : public flow::Projection {
  public:
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

    const aio::Strand& core() const { return core_; }
    store::EventStore& store() { return store_; }
    ProgressProjection& projection() { return projection_; }  ///< on the core strand
    const ProgressProjection& projection() const { return projection_; }
    const Clock& clock() const { return clock_; }
    const Options& options() const { return options_; }
    Refold& refold() { return refold_; }
    const StoredTasks::Counts& snapshots() const { return tasks_.counts(); }  ///< on the core strand

    /// A `recovery` frame for a task as it stands now.
    bool is_stalled(const Task& task) const;
    event::EventRef recovery_frame(const Task& task) const;

  private:
    awaitable<void> tick();
    result<const Task*> find(std::string_view task_id, std::optional<event::Version> version) const;
    awaitable<void> fold_all(std::span<const event::EventRef> events);
    awaitable<void> restore(const event::Event& first);
    void announce(const std::vector<const Task*>& tasks);
    awaitable<void> trim(std::string task_id);

    const aio::Strand core_;
    store::EventStore& store_;
    flow::FeedHub& hub_;
    broadcast::Publisher& publisher_;
    const Clock& clock_;
    const Options options_;
    StoredTasks tasks_;
    ProgressProjection projection_;
    Refold refold_;
    boost::unordered_flat_set<std::string, KeyedHash, std::equal_to<>> trimming_;  // tasks, one trim each
    std::vector<const Task*> resumed_;  // were stalled before what was applied last
    std::vector<const Task*> moved_;    // scratch of tick
    aio::Notice stop_;
    aio::Gate gate_;
};

}  // namespace stepcast::progress
