#pragma once
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "aio/types.hpp"
#include "domain/progress/projection.hpp"

namespace stepcast::progress {

/// Notices tasks whose producers do not agree on the partition: nothing keeps the order of their events.
/// On the core strand.
class SplitTasks {
  public:
    explicit SplitTasks(std::string topic) : topic_{std::move(topic)} {}

    /// The task's next event came over `partition`.
    void note(Task& task, std::int32_t partition) {
        if (task.partition != partition && task.partition != Task::no_partition) tell(task, partition);
        task.partition = partition;
    }

    /// How many tasks were found to be split.
    std::uint64_t count() const { return count_; }
    /// The ids of those that were found since the last call, if that was asked for: the first call ends it.
    std::vector<std::string> take();

  private:
    using Steady = std::chrono::steady_clock;

    void tell(Task& task, std::int32_t partition);

    const std::string topic_;
    std::uint64_t count_ = 0;
    std::uint64_t unlogged_ = 0;  // found since the last line
    Steady::time_point next_line_{};
    bool collecting_ = true;
    std::vector<std::string> found_;
};

/// Goes on from `state` with all of `events`, in the order of when they were recorded: the same events give
/// the same state, in whatever order they stand in their stream. In slices of the caller's strand.
aio::awaitable<void> fold_by_time(ProgressState& state, std::span<const event::EventRef> events);

}  // namespace stepcast::progress
