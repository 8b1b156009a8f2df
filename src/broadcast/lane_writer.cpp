#include "broadcast/lane_writer.hpp"

#include <array>
#include <asio/bind_executor.hpp>
#include <asio/error.hpp>
#include <utility>

namespace stepcast::broadcast {
namespace {

using Steady = std::chrono::steady_clock;

// How many sessions share one look at the clock.
constexpr std::uint32_t clock_stride = 16;

iovec part(std::string_view text) {
    return {const_cast<char*>(text.data()), text.size()};
}

}  // namespace

// Counted on the stack and added once per turn: an atomic addition per delivery would show.
struct LaneWriter::Tally {
    Steady::time_point now = Steady::now();
    FrameCounts frames;
    std::size_t bytes = 0;
    std::uint64_t unobserved = 0;
};

std::optional<std::size_t> LaneWriter::flush() {
    if (dirty_.empty()) {
        batch_.clear();
        return std::nullopt;
    }
    const std::size_t sessions_a_frame = pending_.size() / batch_.size();
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
        flush_session(*dirty_[i], tally);
        if (i % clock_stride == clock_stride - 1) observe();
    }
    observe();
    count_written(tally.frames, tally.bytes);
    dirty_.clear();
    pending_.clear();
    batch_.clear();
    return sessions_a_frame;
}

void LaneWriter::flush_session(Session& session, Tally& tally) {
    std::uint32_t next = session.first_pending_;
    session.first_pending_ = session.last_pending_ = Session::none;
    while (next != Session::none && session.state_ != Session::State::closing)
        next = flush_chunk(session, next, tally);
    sessions_.end_if_sent(session);
}

// One gathered write of what is pending from `first` on, as a chunk: nearly always all of it. Returns what is
// behind it; nothing once the socket is full, and the rest is in the outbox.
std::uint32_t LaneWriter::flush_chunk(Session& session, std::uint32_t first, Tally& tally) {
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
        sessions_.close(session, CloseReason::gone);
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
void LaneWriter::keep_rest(Session& session, std::uint32_t pending, std::size_t in_chunk, const Chunk& chunk,
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

void LaneWriter::push(Session& session, const event::EventRef& frame) {
    const auto pushed = session.outbox_.push(frame, session.limits_->outbox);
    stats_.coalesced.fetch_add(pushed.coalesced, std::memory_order_relaxed);
    if (!pushed.taken) sessions_.close(session, CloseReason::slow);
}

void LaneWriter::send(Session& session, const event::EventRef& frame) {
    const bool waits = !session.outbox_.empty();
    push(session, frame);
    if (!waits) send_outbox(session);
}

void LaneWriter::send_outbox(Session& session) {
    while (!session.outbox_.empty()) {
        const ssize_t sent = write_outbox(session);
        if (sent < 0) return;
        if (sent == 0) {
            wait_writable(session);
            return;
        }
    }
    sessions_.end_if_sent(session);
}

ssize_t LaneWriter::write_outbox(Session& session) {
    std::array<iovec, batch_limit + 2> parts;
    const std::size_t count = session.outbox_.gather(parts, session.limits_->outbox);
    const ssize_t sent = session.transport_.send({parts.data(), count});
    if (sent < 0) sessions_.close(session, CloseReason::gone);
    if (sent <= 0) return sent;
    session.progress_at_ = Steady::now();
    const auto bytes = static_cast<std::size_t>(sent);
    count_written(session.outbox_.consume(bytes), bytes);
    return sent;
}

void LaneWriter::wait_writable(Session& session) {
    if (std::exchange(session.waits_for_write_, true)) return;
    session.transport_.when_writable(
        asio::bind_executor(strand_, [this, id = session.id_](std::error_code error) {
            // By its id: the session may be gone by now.
            if (error != asio::error::operation_aborted) on_writable(id);
        }));
}

void LaneWriter::on_writable(SessionId id) {
    Session* session = sessions_.find(id);
    if (session == nullptr) return;
    session->waits_for_write_ = false;
    if (session->state_ != Session::State::closing) send_outbox(*session);
}

void LaneWriter::count_written(const FrameCounts& frames, std::size_t bytes) {
    for (std::size_t kind = 0; kind < frames.of.size(); ++kind)
        if (frames.of[kind] > 0) stats_.frames[kind].fetch_add(frames.of[kind], std::memory_order_relaxed);
    stats_.bytes.fetch_add(bytes, std::memory_order_relaxed);
}

}  // namespace stepcast::broadcast
