#include "flow/saga_state.hpp"

#include <algorithm>
#include <array>

namespace stepcast::flow {
namespace {

using Move = SagaMove;
using Is = SagaStatus;

constexpr std::array<std::string_view, 6> status_names{"UNKNOWN",   "RUNNING",     "COMPENSATING",
                                                       "COMPLETED", "COMPENSATED", "STUCK"};

}  // namespace

bool may_follow(const SagaState& state, Move move) {
    switch (move) {
        case Move::begun:
            return state.status == Is::unknown;
        case Move::done:
        case Move::completed:
        case Move::doubted:
            return state.status == Is::running;
        case Move::refused:
            return state.status == Is::running && state.step > 0;
        case Move::undone:
            return state.status == Is::compensating && state.step > 0;
        case Move::compensated:
            return state.under_way() && state.step == 0;
        case Move::stuck:
            return state.status == Is::compensating;
        case Move::resumed:
            return state.status == Is::stuck;
    }
    return false;
}

void apply(SagaState& state, Move move, Timestamp at, std::size_t step) {
    if (!may_follow(state, move)) return;
    state.since = at;
    switch (move) {
        case Move::begun:
            state.status = Is::running;
            state.begun = at;
            break;
        case Move::done:
            state.reached = ++state.step;
            break;
        case Move::refused:
            state.status = Is::compensating;
            --state.step;
            break;
        case Move::doubted:
            state.status = Is::compensating;
            state.doubted = true;
            break;
        case Move::undone:
            --state.step;
            break;
        case Move::completed:
            state.status = Is::completed;
            break;
        case Move::compensated:
            state.status = Is::compensated;
            break;
        case Move::stuck:
            state.status = Is::stuck;
            break;
        case Move::resumed:
            state.status = Is::compensating;
            state.step = std::min(step, state.step);
            break;
    }
}

Move move_after_success(const SagaState& state, std::size_t steps) {
    if (state.status == Is::running) return state.step + 1 < steps ? Move::done : Move::completed;
    return state.step > 0 ? Move::undone : Move::compensated;
}

Move move_after_refusal(const SagaState& state) {
    if (state.status != Is::running) return Move::stuck;
    return state.step > 0 ? Move::refused : Move::compensated;
}

Move move_after_silence(const SagaState& state) {
    return state.status == Is::running ? Move::doubted : Move::stuck;
}

std::string_view name_of(Is status) {
    return status_names[static_cast<std::size_t>(status)];
}

std::string_view step_status(const SagaState& state, std::size_t step) {
    if (state.status == Is::unknown || step > state.reached) return "PENDING";
    if (state.status == Is::completed) return "DONE";
    if (state.status == Is::running) return step < state.step ? "DONE" : "RUNNING";
    if (step == state.reached && !state.doubted) return "REFUSED";
    if (state.status == Is::compensated || step > state.step) return "UNDONE";
    if (step < state.step) return "DONE";
    return state.status == Is::stuck ? "STUCK" : "UNDOING";
}

}  // namespace stepcast::flow
