#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/time.hpp"

namespace stepcast::flow {

/// What can happen to a saga. Its domain says which of its events each one is; all of them are in its stream.
enum class SagaMove : std::uint8_t {
    begun,        ///< the first step is registered: from here on it may have to be undone
    done,         ///< a step was carried out and the next one is registered
    refused,      ///< a step was not carried out: those before it are undone, the last one first
    doubted,      ///< nobody knows whether a step was carried out: it is undone too
    undone,       ///< a step was undone, the one before it is next
    completed,    ///< the last step was carried out
    compensated,  ///< nothing is left to undo
    stuck,        ///< a step cannot be undone: somebody has to look
    resumed       ///< somebody has
};

enum class SagaStatus : std::uint8_t { unknown, running, compensating, completed, compensated, stuck };

/// How far a saga is: the fold of its moves. Pure.
struct SagaState {
    SagaStatus status = SagaStatus::unknown;
    /// The one to carry out, or to undo; at `stuck` and at the end the last one that was.
    std::size_t step = 0;
    std::size_t reached = 0;  ///< the last step that was registered
    bool doubted = false;     ///< that one may have been carried out although the saga turned back
    Timestamp begun{};        ///< of the first move
    Timestamp since{};        ///< of the last move

    bool under_way() const { return status == SagaStatus::running || status == SagaStatus::compensating; }
    bool ended() const { return status == SagaStatus::completed || status == SagaStatus::compensated; }
};

/// Whether a saga that stands there may make such a move. One that may not comes too late, and is none.
bool may_follow(const SagaState& state, SagaMove move);
/// Makes a move; one that may not follow changes nothing. `step`: where a resumed one goes on, at most where
/// it is stuck.
void apply(SagaState& state, SagaMove move, Timestamp at, std::size_t step = 0);

/// What a saga of `steps` steps does once the step that it stands at was carried out, or undone.
SagaMove move_after_success(const SagaState& state, std::size_t steps);
/// And if that was refused.
SagaMove move_after_refusal(const SagaState& state);
/// And if nobody knows, and it was waited for long enough.
SagaMove move_after_silence(const SagaState& state);

/// `RUNNING`, `COMPENSATING` …
std::string_view name_of(SagaStatus status);
/// What became of one step: `PENDING`, `RUNNING`, `DONE`, `REFUSED`, `UNDOING`, `UNDONE`, `STUCK`.
std::string_view step_status(const SagaState& state, std::size_t step);

}  // namespace stepcast::flow
