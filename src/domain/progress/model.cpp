#include "domain/progress/model.hpp"

#include <algorithm>
#include <cmath>

namespace stepcast::progress {
namespace {

// Time constant of the smoothed rate: long enough to ride over uneven steps, short enough to follow a change
// of pace.
constexpr double rate_memory_seconds = 20;

// What the task brings with it at its start is no pace.
void restart(ProgressState& state, Timestamp at, int percentage, Timestamp recorded_at) {
    state.started_at = at;
    state.measured_at = recorded_at;
    state.percentage = percentage;
    state.rate = 0;
    state.rate_weight = 0;
    state.rate_pending = 0;
}

// An average that forgets, weighted by elapsed time, so that many small events and few large ones give the
// same rate, and events that arrive in one bunch do not count for more than the moment that they took.
void update_rate(ProgressState& state, int percentage, Timestamp recorded_at) {
    const double gained = percentage - state.percentage + state.rate_pending;
    const double seconds = std::chrono::duration<double>(recorded_at - state.measured_at).count();
    if (seconds <= 0) {
        state.rate_pending = gained;
        return;
    }
    state.measured_at = recorded_at;
    state.rate_pending = 0;
    const double pace = std::max(0.0, gained / seconds);
    const double kept = std::exp(-seconds / rate_memory_seconds) * state.rate_weight;
    state.rate_weight = kept + 1 - std::exp(-seconds / rate_memory_seconds);
    state.rate += (1 - kept / state.rate_weight) * (pace - state.rate);
}

// Of a task that has ended. The numbers of its producer are better than clocks.
bool is_retry(const ProgressState& ended, const ProgressEvent& event) {
    if (event.type != EventType::started) return false;
    const bool follows = ended.seq != 0 && event.seq > ended.seq;
    return follows || !event.timestamp || *event.timestamp >= ended.updated_at;
}

}  // namespace

void ProgressEvent::clear() {
    event_id.clear();
    task_id.clear();
    user_id.clear();
    step_name.clear();
    detail.clear();
    seq = current_step = total_steps = 0;
    steps_sent = false;
    percentage.reset();
    timestamp.reset();
    type = EventType::progress;
    fingerprint = 0;
}

bool implies_own_percentage(const ProgressEvent& event) {
    return event.type == EventType::completed || (event.type != EventType::failed && event.total_steps > 0);
}

bool complete_alone(ProgressEvent& event, Timestamp recorded_at) {
    if (!event.percentage && !implies_own_percentage(event)) return false;
    if (!event.percentage) event.percentage = implied_percentage(event, {});
    if (!event.timestamp) event.timestamp = recorded_at;
    return true;
}

int implied_percentage(const ProgressEvent& event, const ProgressState& before) {
    if (event.type == EventType::completed) return 100;
    if (event.type != EventType::failed && event.total_steps > 0) {
        // Wide enough for steps up to 2^53: 100 times that is below 2^63.
        return static_cast<int>(100 * event.current_step / event.total_steps);
    }
    return before.finished() && is_retry(before, event) ? 0 : before.percentage;
}

void evolve(ProgressState& state, const ProgressEvent& event, event::Version version,
            event::Position position, Timestamp recorded_at) {
    const bool first = state.version == 0;
    const bool stale = event.seq != 0 && event.seq <= state.seq;
    const bool again = state.finished() && is_retry(state, event);
    const bool late = state.finished() && !again;
    state.version = version;
    state.position = position;
    state.recorded_at = recorded_at;
    state.seq = std::max(state.seq, event.seq);
    state.out_of_order = state.out_of_order || stale;
    if (stale || late) return;

    const Timestamp at = event.timestamp.value_or(recorded_at);
    if (first || again) restart(state, at, event.percentage.value_or(0), recorded_at);
    update_rate(state, event.percentage.value_or(0), recorded_at);
    state.status = event.type;
    state.current_step = event.current_step;
    state.total_steps = event.total_steps;
    state.percentage = event.percentage.value_or(0);
    state.step_name = event.step_name;
    state.detail = event.detail;
    state.event_id = event.event_id;
    state.updated_at = at;
}

Outlook outlook(const ProgressState& state, Timestamp now, bool stalled) {
    Outlook out;
    if (state.version == 0 || state.finished()) return out;
    out.stalled = stalled;
    if (state.rate <= 0) return out;
    out.rate = state.rate;
    if (out.stalled) return out;
    const double since = std::max(0.0, std::chrono::duration<double>(now - state.measured_at).count());
    const double left = std::max(0.0, (100 - state.percentage) / state.rate - since);
    constexpr double century = 100.0 * 365 * 86'400;
    if (left > century) return out;
    out.eta_seconds = left;
    out.estimated_completion_at = now + Duration{static_cast<std::int64_t>(left * 1'000)};
    return out;
}

}  // namespace stepcast::progress
