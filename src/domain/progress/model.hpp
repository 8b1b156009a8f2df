#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "event/event.hpp"

namespace stepcast::progress {

enum class EventType : std::uint8_t { started, progress, completed, failed };
inline constexpr std::array<std::string_view, 4> event_type_names{"STARTED", "PROGRESS", "COMPLETED",
                                                                  "FAILED"};

constexpr std::string_view name_of(EventType type) {
    return event_type_names[static_cast<std::size_t>(type)];
}
constexpr bool is_terminal(EventType type) {
    return type == EventType::completed || type == EventType::failed;
}

/// Streams `progress-TASK`.
inline constexpr event::Category category{"progress", "progress", event_type_names, true, true};

/// The seeds' ProgressEvent: one step of a task. `percentage`, `event_id` and `timestamp` may still be
/// missing in what a producer sent; `complete`, the intake and the ingest fill them in.
struct ProgressEvent {
    std::string event_id;  ///< empty: not sent
    std::string task_id;
    std::string user_id;
    std::string step_name;  ///< "" when none
    std::string detail;     ///< JSON object on one line, empty when none
    std::int64_t seq = 0;   ///< the producer's number of the event within its task, from 1; 0: not sent
    std::int64_t current_step = 0;
    std::int64_t total_steps = 0;
    bool steps_sent = false;        ///< whether either of the two came from the producer
    std::optional<int> percentage;  ///< 0–100
    std::optional<Timestamp> timestamp;
    EventType type = EventType::progress;
    std::uint64_t fingerprint = 0;  ///< of what the producer sent, filled-in values excluded

    /// Back to empty, keeping the strings' memory.
    void clear();
};

/// The state of a task: the fold of its events, what the seeds call ProgressSnapshot. Everything that depends
/// on the moment of reading (ETA) is computed from it by `outlook`.
struct ProgressState {
    event::Version version = 0;             ///< events applied; 0: nothing yet
    event::Position position = 0;           ///< of the last event
    EventType status = EventType::started;  ///< last accepted type
    std::int64_t current_step = 0;
    std::int64_t total_steps = 0;
    int percentage = 0;
    std::string step_name;
    std::string detail;
    std::string event_id;  ///< of the last accepted event
    Timestamp started_at{};
    Timestamp updated_at{};
    Timestamp recorded_at{};  ///< when the last event was stored
    // Measured on the clock that says when events were stored: a worker's may stand anywhere.
    Timestamp measured_at{};    ///< when the last event that counts for the rate was stored
    double rate = 0;            ///< percent per second, smoothed; 0: unknown
    double rate_weight = 0;     ///< of the time that `rate` remembers; 1: as much as it ever does
    std::int64_t seq = 0;       ///< the highest so far; 0: no event had one
    bool out_of_order = false;  ///< one came that was not above the highest before it
    double rate_pending = 0;    ///< percent gained at the very moment of measured_at, not in rate yet

    bool finished() const { return version != 0 && is_terminal(status); }
};

/// The percentage that an event without one means, given the task before it: 100 for COMPLETED, the last one
/// for FAILED, 100·currentStep/totalSteps rounded down where there are steps, else the last one (0 at a
/// start).
int implied_percentage(const ProgressEvent& event, const ProgressState& before);
/// True if `implied_percentage` does not look at the task's past.
bool implies_own_percentage(const ProgressEvent& event);
/// Fills in what was not sent, time and percentage. False, and nothing is filled in, if the percentage
/// depends on the task's past.
bool complete_alone(ProgressEvent& event, Timestamp recorded_at);

/// Applies a complete event (percentage and timestamp set). Two kinds change no more than the counters: one
/// whose `seq` is not above the highest so far, and after the end everything but a retry. A retry is a
/// STARTED that is not dated before the end, or whose `seq` says that it follows.
void evolve(ProgressState& state, const ProgressEvent& event, event::Version version,
            event::Position position, Timestamp recorded_at);

/// What the state means at `now`. `stalled`: no event for so long that it is said to have stalled.
struct Outlook {
    bool stalled = false;        ///< running, and no event for stall_after
    std::optional<double> rate;  ///< percent per second
    std::optional<double> eta_seconds;
    std::optional<Timestamp> estimated_completion_at;
};
Outlook outlook(const ProgressState& state, Timestamp now, bool stalled);

}  // namespace stepcast::progress
