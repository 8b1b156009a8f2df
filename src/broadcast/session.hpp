#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include "aio/transport.hpp"
#include "broadcast/encoding.hpp"
#include "broadcast/lane_stats.hpp"
#include "broadcast/outbox.hpp"
#include "broadcast/subscription.hpp"

namespace stepcast::broadcast {

class Lane;

/// Bounds that a lane holds its sessions to. Outlives them.
struct SessionLimits {
    std::chrono::milliseconds heartbeat{15'000};  ///< sent after this long without a write, to half a sweep
    std::chrono::milliseconds write_timeout{30'000};  ///< closed after this long without a byte taken
    OutboxLimits outbox;
};

/// Names a session of one lane for those who must not hold a pointer to it.
struct SessionId {
    std::uint32_t slot = UINT32_MAX;
    std::uint32_t generation = 0;
};

/// One client of a lane: its transport and what it has still to be sent, whatever it subscribes to. The base
/// of every kind of session. All on the lane's strand. The lane writes to the transport itself (no coroutine,
/// no allocation per delivery); the virtual calls are for the rare moments.
class Session {
  public:
    enum class State : std::uint8_t {
        opening,  ///< the owner writes; no subscription is live yet
        open,     ///< the lane writes
        ending,   ///< the lane sends what is in the outbox, then closes; nothing new is taken
        closing,  ///< nobody writes; the owner is on its way out
    };

    Session(Lane& lane, SessionKind kind, const SessionLimits& limits, Encoding encoding,
            aio::Transport transport)
        : lane_{lane}, kind_{kind}, transport_{std::move(transport)}, limits_{&limits}, outbox_{encoding} {}
    virtual ~Session() = default;
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    State state() const { return state_; }
    CloseReason close_reason() const { return close_reason_; }

  protected:
    /// The last event of a subscription has been put out. The session may `Lane::end` with it.
    virtual void on_over(Subscription& subscription) = 0;
    /// The session is closing: the owner has to wake up, leave and go, but not within this call.
    virtual void on_closing() = 0;

    SessionId id() const { return id_; }

    Lane& lane_;

  private:
    friend class Lane;
    friend class LaneSessions;
    friend class LaneWriter;
    friend class Subscription;
    static constexpr std::uint32_t none = UINT32_MAX;

    SessionKind kind_;
    CloseReason close_reason_ = CloseReason::none;
    SessionId id_;

    // From the transport's descriptor to the inline subscription of what derives from this: all that a
    // delivery reads and writes, side by side.
  protected:
    aio::Transport transport_;
    const SessionLimits* limits_;
    Outbox outbox_;
    std::chrono::steady_clock::time_point
        progress_at_{};  // last byte taken, or when the outbox ceased to be empty

  private:
    std::uint32_t first_pending_ = none;  // of the lane's current batch
    std::uint32_t last_pending_ = none;

  protected:
    std::chrono::steady_clock::time_point expires_ =
        std::chrono::steady_clock::time_point::max();   // the lane ends it then, to within a sweep
    std::shared_ptr<const std::atomic<bool>> revoked_;  // or once this is true; null: it never is
    State state_ = State::opening;
    bool beats_ = false;            // its heartbeat is an event
    bool waits_for_write_ = false;  // until the transport takes bytes again
};

}  // namespace stepcast::broadcast
