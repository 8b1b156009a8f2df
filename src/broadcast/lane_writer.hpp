#pragma once
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "aio/types.hpp"
#include "broadcast/lane_sessions.hpp"
#include "broadcast/lane_stats.hpp"
#include "broadcast/ring.hpp"
#include "broadcast/session.hpp"

namespace stepcast::broadcast {

/// Frames of one turn of a lane; also how many one gathered write holds (IOV_MAX is 1024).
inline constexpr std::size_t batch_limit = 256;

/// Takes a lane's frames to its sessions' transports: what a turn has for a session leaves in one gathered
/// write, and what the socket does not take waits in the session's outbox. On the lane's strand.
class LaneWriter {
  public:
    /// All outlive this.
    LaneWriter(const aio::Strand& strand, LaneSessions& sessions, LaneStats& stats)
        : strand_{strand}, sessions_{sessions}, stats_{stats} {}

    /// The frames of the turn; whoever routes fills it.
    std::vector<RingFrame>& batch() { return batch_; }
    /// Puts a frame of the batch before a session: behind what waits in its outbox, or into this turn's
    /// write.
    void enqueue(Session& session, std::uint32_t frame) {
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
    /// Ends the turn: writes to each session what it was given, and empties the batch. To how many sessions a
    /// frame of it went, on average; nothing if it went to nobody.
    std::optional<std::size_t> flush();

    /// Sends a frame that is of no batch, behind what waits.
    void send(Session& session, const event::EventRef& frame);
    /// One gathered write of what waits in the session's outbox, which is not empty: bytes taken, 0 if the
    /// transport is full, -1 if it is gone and the session therefore closing.
    ssize_t write_outbox(Session& session);
    /// Counts what was handed to the kernel.
    void count_written(const FrameCounts& frames, std::size_t bytes);

  private:
    struct Pending {
        std::uint32_t frame;  // index in batch_
        std::uint32_t next;
    };
    struct Tally;

    void flush_session(Session& session, Tally& tally);
    std::uint32_t flush_chunk(Session& session, std::uint32_t first, Tally& tally);
    void keep_rest(Session& session, std::uint32_t pending, std::size_t in_chunk, const Chunk& chunk,
                   std::size_t sent);
    void push(Session& session, const event::EventRef& frame);
    void send_outbox(Session& session);
    void wait_writable(Session& session);
    void on_writable(SessionId id);

    const aio::Strand strand_;
    LaneSessions& sessions_;
    LaneStats& stats_;
    std::vector<RingFrame> batch_;
    std::vector<Pending> pending_;
    std::vector<Session*> dirty_;
};

}  // namespace stepcast::broadcast
