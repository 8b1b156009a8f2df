#pragma once
#include <cstdint>
#include <string>

#include "store/store.hpp"

namespace stepcast::domain {

/// One step of long work, told as a ProgressEvent of a task.
struct TaskStep {
    enum class Kind : std::uint8_t { started, progress, completed, failed };
    Kind kind = Kind::progress;
    std::string event_id;  ///< unique within the task: a step that is told twice counts once
    std::string task_id;
    std::string user_id;
    std::string step_name;
    int step = 0;
    int steps = 0;
    std::string reason{};  ///< of failed: `detail.reason`
};

/// The message to the topic of progress that a commit owes for a step: so whatever a saga has committed is
/// seen as a task, and nothing else.
store::OutboxMessage progress_message(std::string topic, const TaskStep& step);

}  // namespace stepcast::domain
