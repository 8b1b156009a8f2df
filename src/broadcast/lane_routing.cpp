#include <spdlog/spdlog.h>
#include <algorithm>
#include <asio/bind_executor.hpp>
#include <asio/error.hpp>
#include <asio/post.hpp>

#include "aio/spawn.hpp"
#include "broadcast/lane.hpp"

namespace stepcast::broadcast {
namespace {

using Steady = std::chrono::steady_clock;

// Frames routed in one turn; also how many one gathered write holds (IOV_MAX is 1024).
constexpr std::size_t batch_limit = 256;
constexpr std::size_t store_page = 1024;
// How many sessions share one look at the clock.
constexpr std::uint32_t clock_stride = 16;
// A turn is deferred once for so many sessions that the last one wrote to: that is what another write to each
// of them would cost, and a deferral is worth it if it saves one.
constexpr std::size_t sessions_a_deferral = 8;
constexpr std::size_t most_deferrals = 16;

iovec part(std::string_view text) {
    return {const_cast<char*>(text.data()), text.size()};
}

}  // namespace

// Counted on the stack and added once per turn: an atomic addition per delivery would show.
struct Lane::Tally {
    Steady::time_point now = Steady::now();
    FrameCounts frames;
    std::size_t bytes = 0;
    std::uint64_t unobserved = 0;
};

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
    if (!catching_up_ && session_count_ > 0) read_ring();
}

void Lane::read_ring() {
    const auto outcome = shared_.ring.read(index_, cursor_, batch_, batch_limit);
    route_batch();
    if (outcome == Ring::Read::more) {
        deferrals_ = 0;
        post_turn();
    } else if (outcome == Ring::Read::lapped) {
        stats_.lapped.fetch_add(1, std::memory_order_relaxed);
        catching_up_ = true;
        // All that stands before the tail is in the store by now.
        cursor_ = shared_.ring.tail();
        aio::spawn(strand_, "lane catch-up", [this, hold = gate_.enter()] { return catch_up(); });
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
    close_all(CloseReason::failed);
    position_ = shared_.newest.load(std::memory_order_seq_cst);
}

aio::awaitable<void> Lane::read_missed() {
    while (session_count_ > 0) {
        const auto restarts = restarts_;
        const auto page = co_await shared_.read_after(position_, store_page);
        if (restarts_ != restarts) break;  // of a history that is over
        if (page.lost_through > position_) co_return give_up("events that it has not seen have expired");
        if (page.events.empty()) break;
        for (const auto& event : page.events) {
            batch_.push_back({event, {}});
            if (batch_.size() == batch_limit) route_batch();
        }
        route_batch();
    }
}

void Lane::route_batch() {
    routing_ = true;
    for (std::uint32_t i = 0; i < batch_.size(); ++i) {
        const event::Event& event = *batch_[i].event;
        // Also backwards, where the ring holds what was passed already: who came since then has only that.
        // What others had is dropped by their own position.
        if (event.position() != 0) position_ = event.position();
        route(i, table_.by_subject(event.category(), event.subject()));
        route(i, table_.by_stream(event.category(), event.stream_id()));
    }
    flush_dirty();
    batch_.clear();
    routing_ = false;
}

void Lane::route(std::uint32_t frame, const Table::Subscriptions* subscriptions) {
    if (subscriptions == nullptr) return;
    for (Subscription* subscription : *subscriptions) offer(*subscription, frame);
}

void Lane::offer(Subscription& subscription, std::uint32_t frame) {
    const event::Event& event = *batch_[frame].event;
    const event::Position position = event.position();
    if (subscription.state_ == Subscription::State::catching) return subscription.record(position);
    Session& session = *subscription.session_;
    if (subscription.state_ != Subscription::State::live || session.state_ != Session::State::open) return;
    if (position == 0) {
        if (session.kind_ == SessionKind::v1) return;
        stats_.announced[static_cast<std::size_t>(session.kind_)].fetch_add(1, std::memory_order_relaxed);
        return enqueue(session, frame);
    }
    if (position <= subscription.through_) return;
    subscription.through_ = position;
    const StreamSource* source = subscription.source_.get();
    if (source == nullptr) return enqueue(session, frame);
    const bool admitted = source->admits(event);
    if (admitted) enqueue(session, frame);
    if (admitted && !source->ends_with(event)) return;
    subscription.state_ = Subscription::State::over;
    session.on_over(subscription);
}

void Lane::enqueue(Session& session, std::uint32_t frame) {
    if (!session.outbox_.empty()) return push(session, batch_[frame].event);
    const auto pending = static_cast<std::uint32_t>(pending_.size());
    pending_.push_back({frame, Session::none});
    if (session.first_pending_ == Session::none) {
        session.first_pending_ = pending;
        dirty_.push_back(&session);
    } else {
        pending_[session.last_pending_].next = pending;
    }
    session.last_pending_ = pending;
}

void Lane::push(Session& session, const event::EventRef& frame) {
    const auto pushed = session.outbox_.push(frame, session.limits_->outbox);
    stats_.coalesced.fetch_add(pushed.coalesced, std::memory_order_relaxed);
    if (!pushed.taken) close(session, CloseReason::slow);
}

void Lane::flush_dirty() {
    if (dirty_.empty()) return;
    Tally tally;
    const auto committed = batch_.front().committed;
    const auto observe = [&] {
        tally.now = Steady::now();
        if (committed != Steady::time_point{} && tally.unobserved > 0)
            stats_.delivery_seconds.observe(std::chrono::duration<double>(tally.now - committed).count(),
                                            tally.unobserved);
        tally.unobserved = 0;
    };
    for (std::size_t i = 0; i < dirty_.size(); ++i) {
        if (i + 1 < dirty_.size()) __builtin_prefetch(&dirty_[i + 1]->outbox_);
        flush(*dirty_[i], tally);
        if (i % clock_stride == clock_stride - 1) observe();
    }
    observe();
    count_written(tally.frames, tally.bytes);
    deferrals_ = std::min(most_deferrals, dirty_.size() / sessions_a_deferral);
    dirty_.clear();
    pending_.clear();
}

void Lane::flush(Session& session, Tally& tally) {
    std::uint32_t next = session.first_pending_;
    session.first_pending_ = session.last_pending_ = Session::none;
    while (next != Session::none && session.state_ != Session::State::closing)
        next = flush_chunk(session, next, tally);
    end_if_sent(session);
}

// One gathered write of what is pending from `first` on, as a chunk: nearly always all of it. Returns what is
// behind it; nothing once the socket is full, and the rest is in the outbox.
std::uint32_t Lane::flush_chunk(Session& session, std::uint32_t first, Tally& tally) {
    const OutboxLimits& limits = session.limits_->outbox;
    const Encoding encoding = session.outbox_.encoding();
    std::array<iovec, batch_limit + 2> parts;
    std::size_t count = 0;
    std::size_t size = 0;
    bool controls = false;
    std::uint32_t next = first;
    do {
        const event::Event& event = *batch_[pending_[next].frame].event;
        controls = controls || event.is_control();
        const auto text = encoding.text(event);
        parts[++count] = part(text);
        size += text.size();
        next = pending_[next].next;
    } while (next != Session::none && count < limits.chunk_frames() && size < limits.chunk_bytes());
    const Chunk chunk = encoding.around(size);
    parts[0] = part(chunk.head());
    parts[count + 1] = part(chunk.tail());
    const ssize_t sent = session.transport_.send({parts.data(), count + 2});
    if (sent < 0) {
        close(session, CloseReason::gone);
        return Session::none;
    }
    session.progress_at_ = tally.now;
    tally.bytes += static_cast<std::size_t>(sent);
    if (static_cast<std::size_t>(sent) < chunk.total()) {
        keep_rest(session, first, count, chunk, static_cast<std::size_t>(sent));
        return Session::none;
    }
    if (!controls)
        tally.frames.add(FrameKind::event, count);
    else
        for (std::uint32_t i = first; i != next; i = pending_[i].next)
            tally.frames.add(kind_of(*batch_[pending_[i].frame].event));
    tally.unobserved += count;
    return next;
}

// A chunk that is begun has to be sent as it is; what is behind it may be thinned out.
void Lane::keep_rest(Session& session, std::uint32_t pending, std::size_t in_chunk, const Chunk& chunk,
                     std::size_t sent) {
    if (sent > 0) {
        for (; in_chunk > 0; --in_chunk, pending = pending_[pending].next)
            session.outbox_.keep(batch_[pending_[pending].frame].event);
        count_written(session.outbox_.begin(chunk, sent), 0);
    }
    for (; pending != Session::none && session.state_ != Session::State::closing;
         pending = pending_[pending].next)
        push(session, batch_[pending_[pending].frame].event);
    if (session.state_ != Session::State::closing) wait_writable(session);
}

void Lane::send_now(Session& session, const event::EventRef& frame) {
    const bool waits = !session.outbox_.empty();
    push(session, frame);
    if (!waits) send_outbox(session);
}

void Lane::wait_writable(Session& session) {
    if (std::exchange(session.waits_for_write_, true)) return;
    session.transport_.when_writable(
        asio::bind_executor(strand_, [this, id = session.id_](std::error_code error) {
            // By its id: the session may be gone by now.
            if (error != asio::error::operation_aborted) on_writable(id);
        }));
}

void Lane::on_writable(SessionId id) {
    Session* session = find(id);
    if (session == nullptr) return;
    session->waits_for_write_ = false;
    if (session->state_ != Session::State::closing) send_outbox(*session);
}

void Lane::send_outbox(Session& session) {
    while (!session.outbox_.empty()) {
        const ssize_t sent = write_outbox(session);
        if (sent < 0) return;
        if (sent == 0) {
            wait_writable(session);
            return;
        }
    }
    end_if_sent(session);
}

ssize_t Lane::write_outbox(Session& session) {
    std::array<iovec, batch_limit + 2> parts;
    const std::size_t count = session.outbox_.gather(parts, session.limits_->outbox);
    const ssize_t sent = session.transport_.send({parts.data(), count});
    if (sent < 0) close(session, CloseReason::gone);
    if (sent <= 0) return sent;
    session.progress_at_ = Steady::now();
    const auto bytes = static_cast<std::size_t>(sent);
    count_written(session.outbox_.consume(bytes), bytes);
    return sent;
}

void Lane::end_if_sent(Session& session) {
    if (session.state_ != Session::State::ending || !session.outbox_.empty() ||
        session.first_pending_ != Session::none)
        return;
    const bool expired = session.expires_ <= std::chrono::steady_clock::now();
    close(session, expired ? CloseReason::expired : draining_ ? CloseReason::drained : CloseReason::ended);
}

}  // namespace stepcast::broadcast
