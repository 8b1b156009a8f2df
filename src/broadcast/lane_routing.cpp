#include <spdlog/spdlog.h>
#include <algorithm>
#include <asio/post.hpp>
#include <cassert>

#include "aio/spawn.hpp"
#include "broadcast/lane.hpp"
#include "broadcast/socket_write.hpp"

namespace stepcast::broadcast {
namespace {

using Steady = std::chrono::steady_clock;

// Frames routed in one turn; also how many one gathered write can hold (IOV_MAX is 1024).
constexpr std::size_t batch_limit = 256;
constexpr std::size_t store_page = 1024;
// How many sessions share one look at the clock.
constexpr std::uint32_t clock_stride = 16;
// A turn gives way once for so many sessions that the last one wrote to: that is what another write to each
// of them would cost, and giving way is worth it if it saves one.
constexpr std::size_t sessions_a_way = 8;
constexpr std::size_t most_ways = 16;

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
        give_way(posted, ways_);
    });
}

// What is ready now runs first: producers get their answers and send more, which shares this turn's writes.
void Lane::give_way(Steady::time_point posted, std::size_t ways) {
    if (ways == 0 || Steady::now() - posted > longest_way_) return take_turn();
    asio::post(strand_, [this, posted, ways] { give_way(posted, ways - 1); });
}

void Lane::take_turn() {
    scheduled_.exchange(false, std::memory_order_acq_rel);
    if (!catching_up_ && session_count_ > 0) read_ring();
}

void Lane::read_ring() {
    const auto outcome = shared_.ring.read(index_, cursor_, batch_, batch_limit);
    route_batch();
    if (outcome == Ring::Read::more) {
        ways_ = 0;
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
        position_ = std::max(position_, event.position());
        route(i, table_.by_subject(event.category(), event.subject()));
        route(i, table_.by_stream(event.category(), event.stream_id()));
    }
    flush_dirty();
    batch_.clear();
    routing_ = false;
}

void Lane::route(std::uint32_t frame, const Table::Sessions* sessions) {
    if (sessions == nullptr) return;
    for (Session* session : *sessions) offer(*session, frame);
}

void Lane::offer(Session& session, std::uint32_t frame) {
    const auto& event = batch_[frame].event;
    const event::Position position = event->position();
    if (session.state_ == Session::State::catching) {
        session.recorded_ = std::max(session.recorded_, position);
        session.announced_ = session.announced_ || position == 0;
        return;
    }
    if (session.state_ != Session::State::live) return;
    if (position == 0) {
        if (session.kind_ == SessionKind::v1) return;
        stats_.announced[static_cast<std::size_t>(session.kind_)].fetch_add(1, std::memory_order_relaxed);
    } else {
        if (position <= session.through_) return;
        session.through_ = position;
        if (session.inspects_) {
            const auto verdict = session.inspect(*event);
            if (verdict != Session::Verdict::send) session.state_ = Session::State::ending;
            if (verdict == Session::Verdict::end) {
                if (session.first_pending_ == Session::none) end_if_sent(session);
                return;
            }
        }
    }
    if (!session.outbox_.empty()) {
        push(session, event);
        return;
    }
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
        if (i + 1 < dirty_.size()) __builtin_prefetch(dirty_[i + 1]);
        flush(*dirty_[i], tally);
        if (i % clock_stride == clock_stride - 1) observe();
    }
    observe();
    count_written(tally.frames, tally.bytes);
    ways_ = std::min(most_ways, dirty_.size() / sessions_a_way);
    dirty_.clear();
    pending_.clear();
}

void Lane::flush(Session& session, Tally& tally) {
    const std::uint32_t first = session.first_pending_;
    session.first_pending_ = session.last_pending_ = Session::none;
    if (session.state_ == Session::State::closing) return;

    std::array<iovec, batch_limit> parts;
    std::size_t count = 0;
    std::size_t size = 0;
    bool controls = false;
    for (std::uint32_t i = first; i != Session::none; i = pending_[i].next) {
        const event::Event& event = *batch_[pending_[i].frame].event;
        controls = controls || event.is_control();
        const auto text = session.outbox_.text(event);
        parts[count++] = {const_cast<char*>(text.data()), text.size()};
        size += text.size();
    }
    const ssize_t sent = send_some(session.fd_, {parts.data(), count});
    if (sent < 0) {
        close(session, CloseReason::gone);
        return;
    }
    session.progress_at_ = tally.now;
    tally.bytes += static_cast<std::size_t>(sent);
    if (static_cast<std::size_t>(sent) == size) {
        if (!controls)
            tally.frames.add(FrameKind::event, count);
        else
            for (std::uint32_t i = first; i != Session::none; i = pending_[i].next)
                tally.frames.add(kind_of(*batch_[pending_[i].frame].event));
        tally.unobserved += count;
        end_if_sent(session);
    } else {
        keep_rest(session, first, static_cast<std::size_t>(sent));
    }
}

void Lane::keep_rest(Session& session, std::uint32_t pending, std::size_t sent) {
    FrameCounts whole;
    for (; pending != Session::none && session.state_ != Session::State::closing;
         pending = pending_[pending].next) {
        const auto& frame = batch_[pending_[pending].frame].event;
        const std::size_t size = session.outbox_.text(*frame).size();
        if (sent >= size) {
            sent -= size;
            whole.add(kind_of(*frame));
            continue;
        }
        push(session, frame);
        session.outbox_.consume(std::exchange(sent, 0));
    }
    count_written(whole, 0);
    if (session.state_ != Session::State::closing) wait_writable(session);
}

void Lane::send_now(Session& session, const event::EventRef& frame) {
    if (!session.outbox_.empty()) {
        push(session, frame);
        return;
    }
    const auto text = frame->frame();
    iovec part{const_cast<char*>(text.data()), text.size()};
    const ssize_t sent = send_some(session.fd_, {&part, 1});
    if (sent < 0) {
        close(session, CloseReason::gone);
        return;
    }
    session.progress_at_ = Steady::now();
    const bool whole = static_cast<std::size_t>(sent) == text.size();
    FrameCounts frames;
    if (whole) frames.add(kind_of(*frame));
    count_written(frames, static_cast<std::size_t>(sent));
    if (whole) {
        end_if_sent(session);
        return;
    }
    push(session, frame);
    session.outbox_.consume(static_cast<std::size_t>(sent));
    wait_writable(session);
}

void Lane::wait_writable(Session& session) {
    if (std::exchange(session.waits_for_write_, true)) return;
    session.await_writable();
}

void Lane::on_writable(SessionId id) {
    Session* session = find(id);
    if (session == nullptr) return;
    session->waits_for_write_ = false;
    if (session->state_ != Session::State::closing) send_outbox(*session);
}

void Lane::send_outbox(Session& session) {
    while (!session.outbox_.empty()) {
        std::array<iovec, batch_limit> parts;
        const std::size_t count = session.outbox_.gather(parts);
        const ssize_t sent = send_some(session.fd_, {parts.data(), count});
        if (sent < 0) {
            close(session, CloseReason::gone);
            return;
        }
        if (sent == 0) {
            wait_writable(session);
            return;
        }
        session.progress_at_ = Steady::now();
        const auto bytes = static_cast<std::size_t>(sent);
        count_written(session.outbox_.consume(bytes), bytes);
    }
    end_if_sent(session);
}

void Lane::end_if_sent(Session& session) {
    if (session.state_ != Session::State::ending || !session.outbox_.empty()) return;
    close(session, draining_ ? CloseReason::drained : CloseReason::ended);
}

}  // namespace stepcast::broadcast
