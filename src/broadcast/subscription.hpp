#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include "broadcast/catch_up.hpp"
#include "event/event.hpp"

namespace stepcast::broadcast {

class Session;

/// What a subscription wants to hear of: the events of one category, about one user or of one stream.
struct Topic {
    enum class By : std::uint8_t { subject, stream };
    const event::Category* category = nullptr;  ///< outlives the session
    By by = By::subject;
    std::string key;  ///< the user id, or the stream id without its category
};

/// One topic of a session, and how far the session has been told of it. On the strand of the session's lane;
/// leaves the lane's table when destroyed, which it may be in any order with the session's other parts.
class Subscription {
  public:
    enum class State : std::uint8_t {
        catching,  ///< its past is being told; the lane only records the newest matching position
        live,      ///< the lane sends what matches
        over,      ///< its last event is told
    };

    /// `source`: where its past comes from; null if it has none. Asked for each live event as well, if it
    /// `inspects`.
    Subscription(Session& session, std::unique_ptr<StreamSource> source)
        : session_{&session}, source_{std::move(source)} {}
    ~Subscription();
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

    State state() const { return state_; }
    StreamSource* source() const { return source_.get(); }
    /// While catching: the newest matching position that the lane saw, 0 for none.
    event::Position recorded() const { return recorded_; }
    /// While catching: the lane saw a control frame for it since `tell_announced`.
    bool announced() const { return announced_; }
    /// What was announced up to now is told by the page that is read next.
    void tell_announced() { announced_ = false; }

  private:
    friend class Lane;
    friend class Table;

    void record(event::Position position) {
        recorded_ = std::max(recorded_, position);
        announced_ = announced_ || position == 0;
    }

    // What a delivery reads comes first: beside the session that it is a part of.
    Session* session_;
    event::Position through_ = 0;  // live: sent or dropped up to here
    std::unique_ptr<StreamSource> source_;
    State state_ = State::catching;
    bool announced_ = false;
    Topic::By by_ = Topic::By::subject;
    std::uint32_t place_ = 0;  // among the subscriptions of its table entry
    event::Position recorded_ = 0;
    void* entry_ = nullptr;  // its table entry; null: in no table
};

}  // namespace stepcast::broadcast
