#include <boost/json.hpp>
#include <cmath>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "domain/progress/codec.hpp"
#include "event/json.hpp"

namespace stepcast::progress {
namespace {

void append_member(std::string& out, std::string_view name, std::string_view text) {
    out.append(out.back() == '{' ? "\"" : ",\"").append(name).append("\":");
    event::append_json_string(out, text);
}

void append_raw(std::string& out, std::string_view name, std::string_view json) {
    out.append(out.back() == '{' ? "\"" : ",\"").append(name).append("\":").append(json);
}

void append_member(std::string& out, std::string_view name, std::int64_t number) {
    append_raw(out, name, {});
    append_number(out, number);
}

void append_member(std::string& out, std::string_view name, Timestamp time) {
    append_raw(out, name, "\"");
    out.resize(out.size() + rfc3339_size);
    format_rfc3339(time, out.data() + out.size() - rfc3339_size);
    out += '"';
}

// Three decimals are what a person can use of a rate or an ETA.
void append_decimal(std::string& out, std::string_view name, std::optional<double> number) {
    append_raw(out, name, number ? "" : "null");
    if (number) event::append_json_value(out, boost::json::value(std::round(*number * 1'000) / 1'000));
}

// The id as it stands in the JSON just written, if it needed no escape: the event then keeps no second copy.
std::string_view inside(const std::string& json, std::size_t at, const std::string& id) {
    const std::string_view there = std::string_view{json}.substr(at, id.size());
    return there == id ? there : std::string_view{id};
}

}  // namespace

event::Lifecycle lifecycle_of(EventType type) {
    if (type == EventType::started) return event::Lifecycle::opens;
    return is_terminal(type) ? event::Lifecycle::ends : event::Lifecycle::neutral;
}

void encode_sent(const ProgressEvent& event, std::string& out) {
    out += '{';
    append_member(out, "eventId", event.event_id);
    append_member(out, "taskId", event.task_id);
    append_member(out, "userId", event.user_id);
    if (event.steps_sent) {
        append_member(out, "currentStep", event.current_step);
        append_member(out, "totalSteps", event.total_steps);
    }
    if (event.percentage) append_member(out, "percentage", *event.percentage);
    if (!event.step_name.empty()) append_member(out, "stepName", event.step_name);
    append_member(out, "eventType", name_of(event.type));
    if (event.timestamp) append_member(out, "timestamp", *event.timestamp);
    if (event.seq != 0) append_member(out, "seq", event.seq);
    if (!event.detail.empty()) append_raw(out, "detail", event.detail);
    out += '}';
}

event::Draft make_draft(const ProgressEvent& event, std::string& scratch) {
    constexpr std::size_t quote = std::string_view{"\":\""}.size();
    scratch.assign("{\"eventId");
    const std::size_t event_id_at = scratch.size() + quote;
    scratch += "\":";
    event::append_json_string(scratch, event.event_id);
    scratch += ",\"taskId";
    const std::size_t task_id_at = scratch.size() + quote;
    scratch += "\":";
    event::append_json_string(scratch, event.task_id);
    scratch += ",\"userId";
    const std::size_t user_id_at = scratch.size() + quote;
    scratch += "\":";
    event::append_json_string(scratch, event.user_id);
    append_member(scratch, "currentStep", event.current_step);
    append_member(scratch, "totalSteps", event.total_steps);
    append_member(scratch, "percentage", event.percentage.value_or(0));
    append_member(scratch, "stepName", event.step_name);
    append_member(scratch, "eventType", name_of(event.type));
    append_member(scratch, "timestamp", event.timestamp.value_or(Timestamp{}));
    if (event.seq != 0) append_member(scratch, "seq", event.seq);
    if (!event.detail.empty()) append_raw(scratch, "detail", event.detail);
    scratch += '}';
    return event::Event::make({.category = &category,
                               .type = static_cast<std::uint8_t>(event.type),
                               .lifecycle = lifecycle_of(event.type),
                               .fingerprint = event.fingerprint,
                               .stream_id = inside(scratch, task_id_at, event.task_id),
                               .id = inside(scratch, event_id_at, event.event_id),
                               .subject = inside(scratch, user_id_at, event.user_id),
                               .json = scratch});
}

void append_snapshot(std::string& out, std::string_view task_id, std::string_view user_id,
                     const ProgressState& state, const Outlook& outlook, bool last_event) {
    out += '{';
    if (last_event) {
        append_member(out, "eventId", state.event_id);
        append_member(out, "eventType", name_of(state.status));
    }
    append_member(out, "taskId", task_id);
    append_member(out, "userId", user_id);
    append_member(out, "currentStep", state.current_step);
    append_member(out, "totalSteps", state.total_steps);
    append_member(out, "percentage", state.percentage);
    append_member(out, "stepName", state.step_name);
    append_member(out, "status", name_of(state.status));
    append_member(out, "startedAt", state.started_at);
    append_member(out, "updatedAt", state.updated_at);
    append_member(out, "eventCount", static_cast<std::int64_t>(state.version));
    append_member(out, "version", static_cast<std::int64_t>(state.version));
    append_member(out, "position", static_cast<std::int64_t>(state.position));
    append_decimal(out, "rate", outlook.rate);
    append_decimal(out, "etaSeconds", outlook.eta_seconds);
    if (outlook.estimated_completion_at)
        append_member(out, "estimatedCompletionAt", *outlook.estimated_completion_at);
    else
        append_raw(out, "estimatedCompletionAt", "null");
    append_raw(out, "stalled", outlook.stalled ? "true" : "false");
    append_raw(out, "outOfOrder", state.out_of_order ? "true" : "false");
    append_raw(out, "detail",
               state.detail.empty() ? std::string_view{"null"} : std::string_view{state.detail});
    out += '}';
}

}  // namespace stepcast::progress
