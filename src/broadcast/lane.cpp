#include "broadcast/lane.hpp"

#include <spdlog/spdlog.h>
#include <algorithm>
#include <asio/post.hpp>
#include <cassert>

#include "aio/spawn.hpp"
#include "broadcast/control_frames.hpp"

namespace stepcast::broadcast {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t store_page = 1024;
// A turn is deferred once for so many sessions that a frame of the last one went to: that is what another
// write to each of them would cost, and a deferral is worth it if the next frame shares it. Frames that go to
// one session each share nothing.
constexpr std::size_t sessions_a_deferral = 8;
constexpr std::size_t most_deferrals = 16;
// In one turn: where all of them are sent a heartbeat, about a millisecond.
constexpr std::size_t most_swept = 256;

}  // namespace

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
      sessions_{strand_, stats_},
      writer_{strand_, sessions_, stats_},
      comment_{event::Event::control(":\n")} {}

std::optional<Membership> Lane::enter(Session& session) {
    assert(!routing_);
    const bool first = sessions_.empty();
    auto hold = sessions_.enter(session);
    if (!hold) return std::nullopt;
    if (first) listen();
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
    if (!catching_up_) skip_to_tail();
}

void Lane::skip_to_tail() {
    cursor_ = shared_.ring.tail();
    position_ = shared_.newest.load(std::memory_order_seq_cst);
}

void Lane::remove(Session& session) {
    assert(!routing_);
    sessions_.remove(session);
    if (!sessions_.empty()) return;
    listening_.store(false, std::memory_order_seq_cst);
    sweep_timer_.cancel();
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
    sessions_.end_if_sent(session);
}

void Lane::close(SessionId id, CloseReason reason) {
    if (Session* session = sessions_.find(id)) sessions_.close(*session, reason);
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
    if (!catching_up_ && !sessions_.empty()) read_ring();  // a deferred turn has still to come
    sessions_.drain();
    sessions_.for_each([&](Session& session) {
        if (session.state_ != Session::State::open) return;
        session.state_ = Session::State::ending;
        writer_.send(session, retry_frame(retry, spread));
    });
}

void Lane::restart() {
    ++restarts_;
    sessions_.close_all(CloseReason::failed);
    skip_to_tail();
}

void Lane::arm_sweep() {
    if (std::exchange(sweeping_, true)) return;
    sweep_timer_.expires_after(sweep_interval_);
    sweep_timer_.async_wait([this](std::error_code error) {
        if (error) return end_sweep();
        stats_.loop_delay_seconds.observe(
            std::chrono::duration<double>(Steady::now() - sweep_timer_.expiry()).count());
        sweep_from(0);
    });
}

// Of many sessions some at a time, and what waits for the lane runs in between.
void Lane::sweep_from(std::size_t place) {
    const auto now = Steady::now();
    const auto next = sessions_.for_some(place, most_swept, [&](Session& session) { sweep(session, now); });
    if (!next) return end_sweep();
    asio::post(strand_, [this, place = *next] { sweep_from(place); });
}

void Lane::end_sweep() {
    sweeping_ = false;
    if (!sessions_.empty()) arm_sweep();
}

void Lane::sweep(Session& session, Steady::time_point now) {
    if (session.state_ == Session::State::closing) return;
    const bool proven =
        session.expires_ > now && (!session.revoked_ || !session.revoked_->load(std::memory_order_relaxed));
    if (!proven && session.state_ != Session::State::ending) return expire(session);
    const auto quiet = now - session.progress_at_;
    const bool opening = session.state_ == Session::State::opening;
    const bool waits = opening ? session.waits_for_write_ : !session.outbox_.empty();
    if (waits) {
        if (quiet >= session.limits_->write_timeout) close(session, CloseReason::stuck);
    } else if (!opening && quiet + sweep_interval_ / 2 >= session.limits_->heartbeat) {
        // Half a sweep early rather than a whole one late.
        writer_.send(session, heartbeat(session));
    }
}

// A client that still catches up is cut: its owner may be in the middle of a frame. It comes back by its
// cursor, and is refused then.
void Lane::expire(Session& session) {
    if (session.state_ == Session::State::opening) return close(session, CloseReason::expired);
    session.state_ = Session::State::ending;
    session.expires_ = Steady::time_point::min();  // it may have been revoked before: its end is of that kind
    writer_.send(session, bye_frame("auth"));
}

void Lane::notify() {
    if (listening()) post_turn();
}

void Lane::post_turn() {
    if (scheduled_.exchange(true, std::memory_order_acq_rel)) return;
    asio::post(strand_, [this, posted = Steady::now()] {
        stats_.loop_delay_seconds.observe(std::chrono::duration<double>(Steady::now() - posted).count());
        defer_turn(posted, deferrals_);
    });
}

// What is ready now runs first: producers get their answers and send more, which shares this turn's writes.
void Lane::defer_turn(Steady::time_point posted, std::size_t deferrals) {
    if (deferrals == 0 || Steady::now() - posted > longest_deferral_) return take_turn();
    asio::post(strand_, [this, posted, deferrals] { defer_turn(posted, deferrals - 1); });
}

void Lane::take_turn() {
    scheduled_.exchange(false, std::memory_order_acq_rel);
    if (!catching_up_ && !sessions_.empty()) read_ring();
}

void Lane::read_ring() {
    const auto outcome = shared_.ring.read(index_, cursor_, writer_.batch(), batch_limit);
    route_batch();
    if (outcome == Ring::Read::more) {
        deferrals_ = 0;
        post_turn();
    } else if (outcome == Ring::Read::lapped) {
        stats_.lapped.fetch_add(1, std::memory_order_relaxed);
        catching_up_ = true;
        // All that stands before the tail is in the store by now.
        cursor_ = shared_.ring.tail();
        aio::spawn(strand_, "lane catch-up", [this, hold = sessions_.hold()] { return catch_up(); });
    }
}

aio::awaitable<void> Lane::catch_up() {
    try {
        co_await read_missed();
    } catch (const std::exception& e) {
        give_up(e.what());
    }
    catching_up_ = false;
    post_turn();
}

// Nobody may be passed over in silence: each client's cursor makes the server look for itself what it missed.
void Lane::give_up(std::string_view why) {
    spdlog::warn("lane {}: cannot catch up, closing its streams: {}", index_, why);
    sessions_.close_all(CloseReason::failed);
    position_ = shared_.newest.load(std::memory_order_seq_cst);
}

aio::awaitable<void> Lane::read_missed() {
    while (!sessions_.empty()) {
        const auto restarts = restarts_;
        const auto page = co_await shared_.read_after(position_, store_page);
        if (restarts_ != restarts) break;  // of a history that is over
        if (page.lost_through > position_) co_return give_up("events that it has not seen have expired");
        if (page.events.empty()) break;
        for (const auto& event : page.events) {
            writer_.batch().push_back({event, {}});
            if (writer_.batch().size() == batch_limit) route_batch();
        }
        route_batch();
    }
}

void Lane::route_batch() {
    routing_ = true;
    const auto& batch = writer_.batch();
    for (std::uint32_t i = 0; i < batch.size(); ++i) {
        const event::Event& event = *batch[i].event;
        // Also backwards, where the ring holds what was passed already: who came since then has only that.
        // What others had is dropped by their own position.
        if (event.position() != 0) position_ = event.position();
        route(i, event, table_.by_subject(event.category(), event.subject()));
        route(i, event, table_.by_stream(event.category(), event.stream_id()));
    }
    if (const auto sessions = writer_.flush())
        deferrals_ = std::min(most_deferrals, *sessions / sessions_a_deferral);
    routing_ = false;
}

void Lane::route(std::uint32_t frame, const event::Event& event, const Table::Subscriptions* subscriptions) {
    if (subscriptions == nullptr) return;
    for (Subscription* subscription : *subscriptions) offer(*subscription, frame, event);
}

void Lane::offer(Subscription& subscription, std::uint32_t frame, const event::Event& event) {
    const event::Position position = event.position();
    if (subscription.state_ == Subscription::State::catching) return subscription.record(position);
    Session& session = *subscription.session_;
    if (subscription.state_ != Subscription::State::live || session.state_ != Session::State::open) return;
    if (position == 0) {
        if (session.kind_ == SessionKind::v1) return;
        stats_.announced[static_cast<std::size_t>(session.kind_)].fetch_add(1, std::memory_order_relaxed);
        return writer_.enqueue(session, frame);
    }
    if (position <= subscription.through_) return;
    subscription.through_ = position;
    const StreamSource* source = subscription.source_.get();
    if (source == nullptr) return writer_.enqueue(session, frame);
    const bool admitted = source->admits(event);
    if (admitted) writer_.enqueue(session, frame);
    if (admitted && !source->ends_with(event)) return;
    subscription.state_ = Subscription::State::over;
    session.on_over(subscription);
}

}  // namespace stepcast::broadcast
