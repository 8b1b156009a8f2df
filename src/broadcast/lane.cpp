#include "broadcast/lane.hpp"

#include <cassert>

#include "base/random.hpp"
#include "base/text.hpp"

namespace stepcast::broadcast {

using Steady = std::chrono::steady_clock;

Membership::~Membership() {
    if (Lane* lane = std::exchange(lane_, nullptr)) lane->remove(*session_);
}

Subscription::~Subscription() {
    if (entry_ == nullptr) return;
    assert(!session_->lane_.routing_);
    session_->lane_.table_.remove(*this);
}

Lane::Lane(asio::io_context& io, std::size_t index, Shared shared, std::chrono::milliseconds sweep_interval,
           std::chrono::milliseconds longest_deferral)
    : strand_{asio::make_strand(io)},
      index_{index},
      shared_{shared},
      sweep_interval_{sweep_interval},
      longest_deferral_{longest_deferral},
      sweep_timer_{strand_},
      readiness_{strand_},
      gate_{strand_},
      comment_{event::Event::control(":\n")} {}

Lane::~Lane() {
    assert(session_count_ == 0);
}

std::optional<Membership> Lane::enter(Session& session) {
    assert(!routing_);
    auto hold = draining_ ? aio::Gate::Hold{} : gate_.enter();
    if (!hold) return std::nullopt;
    if (session_count_++ == 0) listen();
    if (free_slots_.empty()) {
        free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
        slots_.emplace_back();
    }
    session.id_ = {free_slots_.back(), slots_[free_slots_.back()].generation};
    free_slots_.pop_back();
    slots_[session.id_.slot].session = &session;
    session.progress_at_ = Steady::now();
    stats_.sessions[static_cast<std::size_t>(session.kind_)].fetch_add(1, std::memory_order_relaxed);
    arm_sweep();
    return Membership{*this, session, std::move(hold)};
}

void Lane::subscribe(Subscription& subscription, const Topic& topic) {
    assert(!routing_);
    table_.add(subscription, topic);
}

// What was published before is in the first page of whoever subscribes now, because projections are applied
// before the ring is published. So the lane may skip it.
void Lane::listen() {
    listening_.store(true, std::memory_order_seq_cst);
    if (catching_up_) return;
    cursor_ = shared_.ring.tail();
    position_ = shared_.newest.load(std::memory_order_seq_cst);
}

void Lane::remove(Session& session) {
    assert(!routing_);
    close(session, CloseReason::gone);
    slots_[session.id_.slot] = {nullptr, session.id_.generation + 1};
    free_slots_.push_back(session.id_.slot);
    stats_.sessions[static_cast<std::size_t>(session.kind_)].fetch_sub(1, std::memory_order_relaxed);
    if (--session_count_ > 0) return;
    listening_.store(false, std::memory_order_seq_cst);
    sweep_timer_.cancel();
}

Session* Lane::find(SessionId id) const {
    if (id.slot >= slots_.size() || slots_[id.slot].generation != id.generation) return nullptr;
    return slots_[id.slot].session;
}

void Lane::go_live(Subscription& subscription, event::Position through) {
    Session& session = *subscription.session_;
    assert(subscription.state_ == Subscription::State::catching);
    assert(session.state_ == Session::State::open ||
           (session.state_ == Session::State::opening && session.outbox_.empty()));
    subscription.through_ = through;
    subscription.state_ = Subscription::State::live;
    session.state_ = Session::State::open;
    if (subscription.source_ && !subscription.source_->inspects()) subscription.source_.reset();
}

void Lane::end(Session& session) {
    if (session.state_ != Session::State::open) return;
    session.state_ = Session::State::ending;
    end_if_sent(session);
}

void Lane::close(Session& session, CloseReason reason) {
    if (session.state_ == Session::State::closing) return;
    session.state_ = Session::State::closing;
    session.close_reason_ = reason;
    stats_.closed[static_cast<std::size_t>(reason)].fetch_add(1, std::memory_order_relaxed);
    session.on_closing();
}

void Lane::close(SessionId id, CloseReason reason) {
    if (Session* session = find(id)) close(*session, reason);
}

void Lane::close_all(CloseReason reason) {
    for (const Slot& slot : slots_)
        if (slot.session != nullptr) close(*slot.session, reason);
}

void Lane::count_written(const FrameCounts& frames, std::size_t bytes) {
    for (std::size_t kind = 0; kind < frames.of.size(); ++kind)
        if (frames.of[kind] > 0) stats_.frames[kind].fetch_add(frames.of[kind], std::memory_order_relaxed);
    stats_.bytes.fetch_add(bytes, std::memory_order_relaxed);
}

void Lane::arm_sweep() {
    if (std::exchange(sweeping_, true)) return;
    sweep_timer_.expires_after(sweep_interval_);
    sweep_timer_.async_wait([this](std::error_code error) {
        sweeping_ = false;
        if (!error) {
            const auto now = Steady::now();
            stats_.loop_delay_seconds.observe(
                std::chrono::duration<double>(now - sweep_timer_.expiry()).count());
            sweep(now);
        }
        if (session_count_ > 0) arm_sweep();
    });
}

void Lane::sweep(Steady::time_point now) {
    for (const Slot& slot : slots_) {
        Session* session = slot.session;
        if (session == nullptr || session->state_ == Session::State::closing) continue;
        const bool proven = session->expires_ > now &&
                            (!session->revoked_ || !session->revoked_->load(std::memory_order_relaxed));
        if (!proven && session->state_ != Session::State::ending) {
            expire(*session);
            continue;
        }
        const auto quiet = now - session->progress_at_;
        const bool opening = session->state_ == Session::State::opening;
        const bool waits = opening ? session->waits_for_write_ : !session->outbox_.empty();
        if (waits) {
            if (quiet >= session->limits_->write_timeout) close(*session, CloseReason::stuck);
        } else if (!opening && quiet + sweep_interval_ / 2 >= session->limits_->heartbeat) {
            // Half a sweep early rather than a whole one late.
            send_now(*session, heartbeat(*session));
        }
    }
}

/// A client that still catches up is cut: its owner may be in the middle of a frame. It comes back by its
/// cursor, and is refused then.
void Lane::expire(Session& session) {
    if (session.state_ == Session::State::opening) return close(session, CloseReason::expired);
    session.state_ = Session::State::ending;
    session.expires_ = Steady::time_point::min();  // it may have been revoked before: its end is of that kind
    send_now(session, bye_frame("auth"));
}

const event::EventRef& Lane::heartbeat(const Session& session) {
    if (!session.beats_) return comment_;
    const auto every = session.limits_->heartbeat;
    if (!beat_ || every != beat_every_) {
        beat_ = beat_frame(every);
        beat_every_ = every;
    }
    return beat_;
}

void Lane::begin_drain(std::chrono::milliseconds retry, std::chrono::milliseconds spread) {
    if (!catching_up_ && session_count_ > 0) read_ring();  // a deferred turn has still to come
    draining_ = true;
    for (const Slot& slot : slots_) {
        Session* session = slot.session;
        if (session == nullptr || session->state_ != Session::State::open) continue;
        session->state_ = Session::State::ending;
        send_now(*session, retry_frame(retry, spread));
    }
}

void Lane::restart() {
    ++restarts_;
    close_all(CloseReason::failed);
    cursor_ = shared_.ring.tail();
    position_ = shared_.newest.load(std::memory_order_seq_cst);
}

aio::awaitable<void> Lane::drained(Steady::time_point deadline) {
    if (co_await gate_.close(std::max(deadline - Steady::now(), Steady::duration::zero()))) co_return;
    close_all(CloseReason::drained);
    co_await gate_.close();
}

event::EventRef beat_frame(std::chrono::milliseconds every) {
    std::string text = "event: beat\ndata: {\"every\":";
    append_number(text, std::chrono::ceil<std::chrono::seconds>(every).count());
    return event::Event::control(text.append("}\n\n"));
}

event::EventRef bye_frame(std::string_view reason) {
    return event::Event::control(
        std::string{"event: bye\ndata: {\"reason\":\""}.append(reason).append("\"}\n\n"));
}

event::EventRef retry_frame(std::chrono::milliseconds least, std::chrono::milliseconds spread) {
    std::string text = "retry: ";
    append_number(text, least.count() + static_cast<std::int64_t>(random_u64() % (spread.count() + 1)));
    return event::Event::control(text.append("\n\n"));
}

}  // namespace stepcast::broadcast
