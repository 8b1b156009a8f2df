#include "broadcast/lane_sessions.hpp"

#include <algorithm>
#include <cassert>

namespace stepcast::broadcast {

using Steady = std::chrono::steady_clock;

LaneSessions::~LaneSessions() {
    assert(count_ == 0);
}

aio::Gate::Hold LaneSessions::enter(Session& session) {
    auto hold = draining_ ? aio::Gate::Hold{} : gate_.enter();
    if (!hold) return hold;
    ++count_;
    if (free_slots_.empty()) {
        free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
        slots_.emplace_back();
    }
    session.id_ = {free_slots_.back(), slots_[free_slots_.back()].generation};
    free_slots_.pop_back();
    slots_[session.id_.slot].session = &session;
    session.progress_at_ = Steady::now();
    stats_.sessions[static_cast<std::size_t>(session.kind_)].fetch_add(1, std::memory_order_relaxed);
    return hold;
}

void LaneSessions::remove(Session& session) {
    close(session, CloseReason::gone);
    slots_[session.id_.slot] = {nullptr, session.id_.generation + 1};
    free_slots_.push_back(session.id_.slot);
    stats_.sessions[static_cast<std::size_t>(session.kind_)].fetch_sub(1, std::memory_order_relaxed);
    --count_;
}

void LaneSessions::close(Session& session, CloseReason reason) {
    if (session.state_ == Session::State::closing) return;
    session.state_ = Session::State::closing;
    session.close_reason_ = reason;
    stats_.closed[static_cast<std::size_t>(reason)].fetch_add(1, std::memory_order_relaxed);
    session.on_closing();
}

void LaneSessions::close_all(CloseReason reason) {
    for_each([&](Session& session) { close(session, reason); });
}

void LaneSessions::close_sent(Session& session) {
    const bool expired = session.expires_ <= Steady::now();
    close(session, expired ? CloseReason::expired : draining_ ? CloseReason::drained : CloseReason::ended);
}

aio::awaitable<void> LaneSessions::drained(Steady::time_point deadline) {
    if (co_await gate_.close(std::max(deadline - Steady::now(), Steady::duration::zero()))) co_return;
    close_all(CloseReason::drained);
    co_await gate_.close();
}

}  // namespace stepcast::broadcast
