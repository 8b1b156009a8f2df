#pragma once
#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/hash.hpp"
#include "base/result.hpp"
#include "broadcast/catch_up.hpp"
#include "store/store.hpp"

namespace stepcast::flow {

/// Why a client is told whole states when it connects.
enum class RecoveryReason : std::uint8_t {
    connect,  ///< it came without a cursor
    resume,   ///< its cursor held, and something happened since
    expired,  ///< its cursor lies before what has expired
    foreign,  ///< its cursor is of another history, or garbled
};
inline constexpr std::array<std::string_view, 4> recovery_reason_names{"connect", "resume", "expired",
                                                                       "foreign"};

/// The whole state of one stream, as a control frame: all of its events up to `position` are in it.
struct Recovery {
    event::EventRef frame;
    std::string stream_id{};
    event::Position position = 0;
};

/// The catch-up of one subscriber without any I/O: first the events behind its cursor, then the states that
/// are due, then what came meanwhile, in pages. Each `resume` gives the next action; whoever performs it
/// comes back with its outcome. Actions may suspend, and the applied position moves meanwhile.
///
/// A page is the last when it tells everything up to T: the greatest of the applied position when its read
/// began and of the positions of the recoveries told. That is not compared with the applied position of a
/// later moment, or a store whose reads suspend would never let anyone go live: the lane has recorded what
/// came since.
///
/// An action that fails is asked for again on the next page; nothing that was told is told again.
class Replay {
  public:
    static constexpr std::size_t page_events = 256;
    /// Of frames in a page: so much a stream that nobody reads may hold, and one frame more.
    static constexpr std::size_t page_bytes = 128 * 1024;

    /// `cursor`: what the client sent; empty: nothing.
    explicit Replay(std::string cursor) : cursor_{std::move(cursor)} {}

    /// What holds in the turn in which the machine is resumed.
    struct Moment {
        std::string_view epoch;
        event::Position applied = 0;  ///< by the projection that recoveries are read from
        bool forbidden = false;       ///< nothing may be told to this subscriber
        /// The position of the event that ended the stream, if it is over.
        std::optional<event::Position> ended{};
    };

    /// The store's head is asked for, as it is now.
    struct AskHead {};
    struct Head {
        event::Position position;
    };
    /// The subscription's events are read.
    struct Read {
        store::Range range;
    };
    /// It is determined whose states are due: those with events behind `since`.
    struct Begin {
        RecoveryReason reason;
        event::Position since = 0;
    };
    struct Begun {
        std::size_t left_out = 0;  ///< so many more are due than will be told
    };
    /// The next of these states, as it stands now; none: that was all.
    struct Recover {};
    /// The next state that turned without an event since it was told; none: no further one.
    struct Turn {};
    /// The page is handed out.
    using Give = broadcast::CatchUp;
    using Action = std::variant<Give, AskHead, Read, Begin, Recover, Turn>;

    /// The next page is wanted.
    Action next(const Moment& now);
    Action resume(const Moment& now, const result<Head>& head);
    Action resume(const Moment& now, result<store::Page> events);
    Action resume(const Moment& now, const result<Begun>& begun);
    Action resume(const Moment& now, result<std::optional<Recovery>> recovery);

  private:
    enum class Standing : std::uint8_t { fresh, resumed, foreign };
    enum class Stage : std::uint8_t { arrive, replay, recovery, follow };

    std::optional<Action> overtaken(const Moment& now);
    void place(std::string_view epoch);
    Action arrive(const Moment& now);
    Action read_on(const Moment& now);
    Action behind_events(const Moment& now);
    Action begin(const Moment& now, RecoveryReason reason);
    Action end_recoveries(const Moment& now);
    bool append(store::Page events);
    bool was_recovered(const event::Event& event) const;
    void add(event::EventRef frame);
    void add_control(std::string_view text);
    void add(Recovery recovery);
    bool all_sent() const { return sent_through_ >= goal_; }
    bool full() const { return bytes_ >= page_bytes; }
    Action give();
    Action give_last(const Moment& now);
    Action interrupt();

    const std::string cursor_;
    std::string epoch_;  // empty: not placed yet
    Standing standing_ = Standing::fresh;
    Stage stage_ = Stage::arrive;
    event::Position since_ = 0;         // what the client had when it came
    event::Position sent_through_ = 0;  // every event up to here is told, or in a recovery that is due
    RecoveryReason reason_ = RecoveryReason::connect;
    event::Position goal_ = 0;  // the greatest position of a recovery told
    // What `Begin` was asked with, until it has succeeded.
    RecoveryReason beginning_ = RecoveryReason::connect;
    event::Position beginning_at_ = 0;
    std::size_t left_out_ = 0;
    // Streams that were recovered in place of their events, and up to which position. Who resumed, or was
    // told of a stream before, gets its events also where a recovery holds them already.
    boost::unordered_flat_map<std::string, event::Position, KeyedHash, std::equal_to<>> ahead_;

    broadcast::CatchUp page_;
    std::size_t bytes_ = 0;
};

}  // namespace stepcast::flow
