#pragma once

#include <array>
#include <asio/steady_timer.hpp>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "aio/gate.hpp"
#include "aio/readiness.hpp"
#include "aio/tls.hpp"
#include "aio/types.hpp"
#include "broadcast/lane_sessions.hpp"
#include "broadcast/lane_stats.hpp"
#include "broadcast/lane_writer.hpp"
#include "broadcast/ring.hpp"
#include "broadcast/session.hpp"
#include "broadcast/table.hpp"

namespace stepcast::broadcast {

/// What a lapped lane finds in the store.
struct Missed {
    std::vector<event::EventRef> events{};  ///< in order; empty: there is nothing further
    event::Position lost_through = 0;       ///< the last position that has expired
};

/// Reads committed events of the whole store for a lane that was lapped: at most `limit`, all behind `after`.
/// Hops to wherever the store lives by itself. May throw: the lane's sessions are then closed, as they are if
/// something behind `after` has expired, and their clients resume by cursor.
using ReadAfter = std::function<aio::awaitable<Missed>(event::Position after, std::size_t limit)>;

/// A session's place on its lane, which it leaves with it. Declare it last in the session, so that it goes
/// first: the lane must not find a session that is half gone.
class [[nodiscard]] Membership {
  public:
    Membership() = default;
    Membership(Lane& lane, Session& session, aio::Gate::Hold hold)
        : hold_{std::move(hold)}, lane_{&lane}, session_{&session} {}
    Membership(Membership&& other) noexcept
        : hold_{std::move(other.hold_)},
          lane_{std::exchange(other.lane_, nullptr)},
          session_{other.session_} {}
    Membership& operator=(Membership&& other) noexcept {
        std::swap(hold_, other.hold_);
        std::swap(lane_, other.lane_);
        std::swap(session_, other.session_);
        return *this;
    }
    ~Membership();
    explicit operator bool() const { return lane_ != nullptr; }

  private:
    aio::Gate::Hold hold_;  // released behind the destructor's body: the lane waits until it is left
    Lane* lane_ = nullptr;
    Session* session_ = nullptr;
};

/// One strand with the streaming sessions that live on it: finds who wants which of the ring's frames, and
/// keeps quiet streams open. `LaneSessions` knows who is in, `LaneWriter` takes frames to the sockets.
/// Everything except `strand`, `index`, `stats` and `notify` is called on the strand. Destroyed after `run()`
/// returned.
class Lane {
  public:
    /// What all lanes of a broadcaster share.
    struct Shared {
        Ring& ring;
        const ReadAfter& read_after;
        const std::atomic<event::Position>& newest;  ///< published last
    };

    Lane(asio::io_context& io, std::size_t index, Shared shared, std::chrono::milliseconds sweep_interval,
         std::chrono::milliseconds longest_deferral);

    const aio::Strand& strand() const { return strand_; }
    std::size_t index() const { return index_; }
    const LaneStats& stats() const { return stats_; }

    /// Takes a session on. Empty once the lane drains.
    std::optional<Membership> enter(Session& session);
    /// Puts a subscription of a session that has entered into the table; it catches up.
    void subscribe(Subscription& subscription, const Topic& topic);
    /// Ends catching: from now on the lane sends what matches behind `through`. The outbox of a session that
    /// was opening is empty. A source that does not inspect live events is let go.
    void go_live(Subscription& subscription, event::Position through);
    /// Takes nothing new for the session, and closes it once everything is sent.
    void end(Session& session);
    /// Closes a session, counted under `reason`; nothing if it is closing already or gone.
    void close(Session& session, CloseReason reason) { sessions_.close(session, reason); }
    void close(SessionId id, CloseReason reason);
    bool draining() const { return sessions_.draining(); }

    /// Counts what an owner wrote itself while opening.
    void count_written(const FrameCounts& frames, std::size_t bytes) { writer_.count_written(frames, bytes); }
    /// See LaneWriter. For an owner that is opening.
    ssize_t write_outbox(Session& session) { return writer_.write_outbox(session); }

    /// What keeps the quiet stream of this session open: a comment, or a `beat` that says how often one
    /// comes.
    const event::EventRef& heartbeat(const Session& session);

    /// Where the lane's transports wait for their clients.
    aio::Readiness& readiness() { return readiness_; }

    /// Room that a session reads into before it throws the bytes away.
    std::span<char> scrap() { return scrap_; }

    /// Any thread: frames were published. One post per batch.
    void notify();
    /// Any thread: true if frames matter to anyone here.
    bool listening() const { return listening_.load(std::memory_order_seq_cst); }

    /// Lets no session in any more, gives every live one a `retry:` between `retry` and `retry + spread`, and
    /// closes each when that is sent. Sessions that are opening do so themselves.
    void begin_drain(std::chrono::milliseconds retry, std::chrono::milliseconds spread);
    /// The store's history begins anew: closes every session, and goes on with what comes from now on.
    void restart();
    /// Waits until all have gone; closes at `deadline` what is left by then. Behind `begin_drain`.
    aio::awaitable<void> drained(std::chrono::steady_clock::time_point deadline) {
        return sessions_.drained(deadline);
    }

  private:
    friend class Membership;
    friend class Subscription;

    void remove(Session& session);
    void listen();
    void skip_to_tail();

    void post_turn();
    void defer_turn(std::chrono::steady_clock::time_point posted, std::size_t deferrals);
    void take_turn();
    void read_ring();
    void route_batch();
    void route(std::uint32_t frame, const event::Event& event, const Table::Subscriptions* subscriptions);
    void offer(Subscription& subscription, std::uint32_t frame, const event::Event& event);
    aio::awaitable<void> catch_up();
    aio::awaitable<void> read_missed();
    void give_up(std::string_view why);

    void arm_sweep();
    void sweep_from(std::size_t place);
    void end_sweep();
    void sweep(Session& session, std::chrono::steady_clock::time_point now);
    void expire(Session& session);

    aio::Strand strand_;
    const std::size_t index_;
    const Shared shared_;
    const std::chrono::milliseconds sweep_interval_;
    const std::chrono::milliseconds longest_deferral_;
    asio::steady_timer sweep_timer_;
    aio::Readiness readiness_;
    LaneStats stats_;
    LaneSessions sessions_;
    LaneWriter writer_;

    // Cleared before the ring is read: a frame published later posts again, one published earlier is read
    // now.
    std::atomic<bool> scheduled_{false};
    std::atomic<bool> listening_{false};
    bool catching_up_ = false;
    bool routing_ = false;
    bool sweeping_ = false;

    std::uint64_t cursor_ = 0;      // in the ring
    event::Position position_ = 0;  // routed last
    std::uint64_t restarts_ = 0;
    std::size_t deferrals_ = 0;  // how often the next turn is deferred

    Table table_;
    event::EventRef comment_;
    event::EventRef beat_;
    std::chrono::milliseconds beat_every_{0};
    std::array<char, aio::TlsStream::record_bytes> scrap_;  // a record whole, or its rest stays in OpenSSL
};

}  // namespace stepcast::broadcast
