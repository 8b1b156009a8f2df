#include "flow/circuit.hpp"

#include <algorithm>
#include <array>

namespace stepcast::flow {

std::optional<Duration> Circuit::enter(Timestamp now) {
    std::optional<Duration> wait;
    if (open_until_ && now < *open_until_)
        wait = std::max(*open_until_ - now, Duration{1});
    else if (under_way_ >= (open_until_ ? 1 : options_.max_at_once))
        wait = options_.room_after;
    if (wait)
        ++put_off_;
    else
        ++under_way_;
    return wait;
}

// What was under way when it opened says as much as the call that is tried.
bool Circuit::leave(bool answered, Timestamp now) {
    --under_way_;
    if (answered) {
        failures_ = 0;
        open_until_.reset();
        return false;
    }
    if (++failures_ < options_.failures) return false;
    const bool opens = !open_until_;
    if (opens) ++opened_;
    open_until_ = now + options_.open_for;
    return opens;
}

Circuit::State Circuit::state(Timestamp now) const {
    if (!open_until_) return State::closed;
    return now < *open_until_ ? State::open : State::half_open;
}

std::string_view name_of(Circuit::State state) {
    static constexpr std::array<std::string_view, 3> names{"closed", "half-open", "open"};
    return names[static_cast<std::size_t>(state)];
}

}  // namespace stepcast::flow
