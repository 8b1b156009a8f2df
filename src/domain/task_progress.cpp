#include "domain/task_progress.hpp"

#include <fmt/format.h>
#include <array>

#include "event/json.hpp"

namespace stepcast::domain {
namespace {

constexpr std::array<std::string_view, 4> type_names{"STARTED", "PROGRESS", "COMPLETED", "FAILED"};

void append(std::string& out, std::string_view name, std::string_view text) {
    out.append(fmt::format("{}\"{}\":", out.empty() ? "{" : ",", name));
    event::append_json_string(out, text);
}

}  // namespace

store::OutboxMessage progress_message(std::string topic, const TaskStep& step) {
    std::string value;
    append(value, "eventId", step.event_id);
    append(value, "taskId", step.task_id);
    append(value, "userId", step.user_id);
    append(value, "eventType", type_names[static_cast<std::size_t>(step.kind)]);
    append(value, "stepName", step.step_name);
    value += fmt::format(",\"currentStep\":{},\"totalSteps\":{}", step.step, step.steps);
    if (!step.reason.empty()) {
        value += ",\"detail\":{\"reason\":";
        event::append_json_string(value, step.reason);
        value += '}';
    }
    value += '}';
    return {.id = fmt::format("task {} {}", step.task_id, step.event_id),
            .topic = std::move(topic),
            .key = step.task_id,
            .value = std::move(value)};
}

}  // namespace stepcast::domain
