#pragma once
#include <chrono>
#include <cstdint>
#include <string>

#include "aio/transport.hpp"
#include "broadcast/lane_stats.hpp"
#include "broadcast/outbox.hpp"
#include "event/event.hpp"

namespace stepcast::broadcast {

class Lane;

/// What a session wants to hear of: the events of one category, about one user or of one
/// stream.
struct Topic {
    enum class By : std::uint8_t { subject, stream };
    const event::Category* category = nullptr;  ///< outlives the session
    By by = By::subject;
    std::string key;  ///< the user id, or the stream id without its category
};

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

/// What a lane knows of one streaming session: the base of every kind of session. All on the lane's strand.
/// The lane writes to its transport itself (no coroutine, no allocation per delivery); the virtual calls are
/// for the rare moments.
class Session {
  public:
    enum class State : std::uint8_t {
        catching,  ///< the owner writes; the lane only records the newest matching position
        live,      ///< the lane writes
        ending,    ///< the lane sends what is in the outbox, then closes; nothing new is taken
        closing,   ///< nobody writes; the owner is on its way out
    };
    /// What a session says to an event about to be sent live.
    enum class Verdict : std::uint8_t { send, send_and_end, end };

    /// `chunked`: its stream is in HTTP/1.1's chunked coding.
    Session(SessionKind kind, const SessionLimits& limits, bool chunked, aio::Transport transport)
        : limits_{&limits},
          outbox_{kind != SessionKind::v1, chunked},
          transport_{std::move(transport)},
          kind_{kind} {}
    virtual ~Session() = default;
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    SessionKind kind() const { return kind_; }
    State state() const { return state_; }
    CloseReason close_reason() const { return close_reason_; }

  protected:
    /// Asked for each live event if `inspects_`. Must not touch the lane.
    virtual Verdict inspect(const event::Event& event) const = 0;
    /// The session is closing: the owner has to wake up, unsubscribe and go, but not within this call.
    virtual void on_closing() = 0;

    SessionId id() const { return id_; }

    // The lane's part; ordered so that a delivery touches one cache line after the table pointer.
    State state_ = State::catching;
    bool inspects_ = false;         // ask `inspect` for each event
    bool beats_ = false;            // its heartbeat is an event
    bool waits_for_write_ = false;  // until the transport takes bytes again

  private:
    friend class Lane;
    friend class Table;
    static constexpr std::uint32_t none = UINT32_MAX;

    std::uint32_t first_pending_ = none;  // of the lane's current batch
    std::uint32_t last_pending_ = none;

  protected:
    event::Position through_ = 0;   // live: sent or dropped up to here
    event::Position recorded_ = 0;  // catching: newest matching position that the lane saw
    bool announced_ = false;        // catching: the lane saw a control frame for it
    std::chrono::steady_clock::time_point
        progress_at_{};  // last byte taken, or when the outbox ceased to be empty
    const SessionLimits* limits_;
    Outbox outbox_;
    aio::Transport transport_;

  private:
    SessionKind kind_;
    Topic::By by_ = Topic::By::subject;
    CloseReason close_reason_ = CloseReason::none;
    std::uint32_t place_ = 0;  // among the sessions of its table entry
    void* entry_ = nullptr;    // its table entry
    SessionId id_;
};

}  // namespace stepcast::broadcast
