#pragma once
#include <chrono>
#include <list>

#include "aio/notice.hpp"

namespace stepcast::http {

class Connection;

/// Lets so many handshakes of one lane go on at once; the others wait in the order in which they came. Each
/// holds tens of kilobytes while it lasts, and a millisecond of the lane. One strand; outlives its turns.
class HandshakeTurns {
  public:
    using Time = std::chrono::steady_clock::time_point;

    explicit HandshakeTurns(std::size_t most) : most_{most} {}

    /// A place in the queue, and then the turn, until it is destroyed.
    class Turn {
      public:
        Turn(HandshakeTurns& turns, Connection& connection, const aio::Strand& strand);
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;
        ~Turn();

        bool granted() const { return granted_; }
        /// Wakes who waits for the turn: it is granted, or the wait is over.
        aio::Notice& notice() { return notice_; }

      private:
        friend class HandshakeTurns;
        HandshakeTurns& turns_;
        Connection& connection_;
        aio::Notice notice_;
        std::list<Turn*>::iterator place_;
        Time granted_at_{};
        bool granted_ = false;
        bool ended_ = false;
    };

    /// While others wait, ends those that have had their turn for `limit`, or for less while many wait: those
    /// that begin and stop must not keep out everybody else until their own deadline.
    void end_long(Time now, std::chrono::steady_clock::duration limit);

  private:
    void grant();

    const std::size_t most_;
    std::list<Turn*> going_;
    std::list<Turn*> waiting_;
};

}  // namespace stepcast::http
