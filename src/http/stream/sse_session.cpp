#include "http/stream/sse_session.hpp"

#include <algorithm>

#include "aio/notice.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "broadcast/control_frames.hpp"

namespace stepcast::http {
namespace {

using broadcast::CloseReason;
using Steady = std::chrono::steady_clock;

}  // namespace

SseSession::SseSession(aio::Transport transport, broadcast::Lane& lane, SseStart start)
    : Session{lane, start.kind, start.options->limits, start.encoding(), std::move(transport)},
      subscription_{*this, std::move(start.source)},
      options_{*start.options},
      asks_for_beats_{start.beat},
      ticket_{std::move(start.ticket)} {
    expires_ = start.expires;
    revoked_ = std::move(start.revoked);
    transport_.bound_unsent();
    // A peer that vanished acknowledges no heartbeat. Twice, so that a peer that is there but does not read
    // is closed, and counted, by the lane.
    transport_.bound_silence(2 * options_.limits.write_timeout);
    auto membership = lane.enter(*this);
    if (!membership) return;
    membership_ = std::move(*membership);
    lane.subscribe(subscription_, start.topic);
    if (start.latest_wins != nullptr) claim_ = start.latest_wins->claim(start.topic.key, lane, id());
}

awaitable<void> SseSession::run(std::string head) {
    bool begun = false, live = false;
    try {
        begun = co_await enter(std::move(head));
        live = begun && co_await catch_up();
        if (live) {
            while (!closing()) {
                const auto [error] = co_await transport_.wait(aio::Transport::readable);
                if (!closing() && (error || !read_away())) close(CloseReason::gone);
            }
        }
    } catch (...) {
        close(CloseReason::failed);
        throw;
    }
    const auto why = close_reason();
    if (why != CloseReason::ended && why != CloseReason::drained && why != CloseReason::replaced &&
        (why != CloseReason::expired || !live))
        co_return;
    if (begun) say_end();
    // Bytes left unread would turn the end of the stream into a reset, which may overtake its last event.
    read_away();
}

/// The end is meant. What a full socket does not take of it is left out: the client takes that for a cut,
/// comes back by its cursor and is told.
void SseSession::say_end() {
    const auto end = outbox_.encoding().end();
    if (!end.empty() && outbox_.empty()) transport_.send(end);
}

awaitable<bool> SseSession::enter(std::string head) {
    const auto retry = options_.retry.count();
    std::string preamble = ":\nretry: ";
    append_number(preamble, retry * 3 / 4 + static_cast<std::int64_t>(random_u64() % (retry / 2 + 1)));
    preamble += '\n';  // no blank line: both lines belong to the block that follows
    const broadcast::Chunk chunk = outbox_.encoding().around(preamble.size());
    head.append(chunk.head()).append(preamble).append(chunk.tail());
    co_return co_await write(head);
}

/// Tells the past, page by page, until the lane has seen nothing newer than the last page. True if the stream
/// is live.
awaitable<bool> SseSession::catch_up() {
    if (!membership_) co_return co_await leave_drained();
    if (subscription_.source() == nullptr) {
        lane_.go_live(subscription_, 0);
        co_return true;
    }
    while (!lane_.draining()) {
        subscription_.tell_announced();
        broadcast::CatchUp page = co_await subscription_.source()->next();
        if (closing()) co_return false;
        if (page.wait) co_await aio::pause(std::chrono::seconds{1});
        if (page.frames.empty() && !page.last && !page.end) {
            if (!co_await idle_second()) co_return false;
            continue;
        }
        if (asks_for_beats_) add_beat(page.frames);
        if (!co_await write(std::move(page.frames))) co_return false;
        if (page.end) {
            close(CloseReason::ended);
            co_return false;
        }
        if (!page.last) continue;
        // No suspension between this look and going live, so the lane can route nothing in between.
        if (subscription_.recorded() <= page.through && !subscription_.announced() && !lane_.draining()) {
            lane_.go_live(subscription_, page.through);
            co_return true;
        }
    }
    co_return co_await leave_drained();
}

/// Right behind `live`: from here on the client may count on beats.
void SseSession::add_beat(std::vector<event::EventRef>& frames) {
    const auto is_live = [](const auto& frame) {
        return broadcast::kind_of(*frame) == broadcast::FrameKind::live;
    };
    const auto live = std::ranges::find_if(frames, is_live);
    if (live == frames.end()) return;
    beats_ = true;
    frames.insert(live + 1, lane_.heartbeat(*this));
}

awaitable<bool> SseSession::leave_drained() {
    if (co_await write({broadcast::retry_frame(options_.retry, options_.drain_spread)}))
        close(CloseReason::drained);
    co_return false;
}

/// A second or less went by with nothing to tell: a comment where one is due, and a look whether the client
/// has left.
awaitable<bool> SseSession::idle_second() {
    if (closing()) co_return false;
    if (Steady::now() - progress_at_ >= options_.limits.heartbeat) {
        if (!co_await write({lane_.heartbeat(*this)})) co_return false;
    }
    if (!closing() && !read_away()) close(CloseReason::gone);
    co_return !closing();
}

awaitable<bool> SseSession::write(std::string_view text) {
    progress_at_ = Steady::now();
    while (!text.empty()) {
        const ssize_t sent = transport_.send(text);
        if (sent < 0) close(CloseReason::gone);
        if (sent == 0 ? !co_await writable() : closing()) co_return false;
        if (sent == 0) continue;
        progress_at_ = Steady::now();
        text.remove_prefix(static_cast<std::size_t>(sent));
        lane_.count_written({}, static_cast<std::size_t>(sent));
    }
    co_return true;
}

awaitable<bool> SseSession::write(std::vector<event::EventRef> frames) {
    for (auto& frame : frames) outbox_.keep(std::move(frame));
    progress_at_ = Steady::now();
    while (!outbox_.empty()) {
        const ssize_t sent = lane_.write_outbox(*this);
        if (sent == 0 ? !co_await writable() : closing()) co_return false;
    }
    co_return true;
}

/// Waits until the socket takes bytes. The lane's sweep closes the session when that takes too long.
awaitable<bool> SseSession::writable() {
    waits_for_write_ = true;
    co_await transport_.wait(aio::Transport::writable);
    waits_for_write_ = false;
    co_return !closing();
}

bool SseSession::read_away() {
    // Bounded, so that a client that floods us does not hold the lane; what is left wakes the session again.
    for (int round = 0; round < 4; ++round) {
        const ssize_t size = transport_.receive(lane_.scrap());
        if (size <= 0) return size == 0;
    }
    return true;
}

void SseSession::on_over(broadcast::Subscription&) {
    lane_.end(*this);
}

void SseSession::on_closing() {
    // What a slow reader has not read by now would stay in the kernel for minutes.
    if (close_reason() == CloseReason::slow || close_reason() == CloseReason::stuck) transport_.abort();
    transport_.cancel();
}

}  // namespace stepcast::http
