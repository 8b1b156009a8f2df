#pragma once
#include <chrono>
#include <list>

#include "aio/notice.hpp"

namespace stepcast::http {

class Connection;

/// Lets so many handshakes of one lane go on at once; the others wait in the order in which they came. One
/// that waits for its client rests: it holds up nobody, but tens of kilobytes, so that only so many may rest.
/// One strand; outlives its turns.
class HandshakeTurns {
  public:
    using Time = std::chrono::steady_clock::time_point;

    /// `most` go on at once, besides `most_resting`, which wait for their clients.
    HandshakeTurns(std::size_t most, std::size_t most_resting) : most_{most}, most_resting_{most_resting} {}

    /// A place in the queue, then the turn, and again for each step, until it is destroyed.
    class Turn {
      public:
        Turn(HandshakeTurns& turns, Connection& connection, const aio::Strand& strand);
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;
        ~Turn();

        /// A step can be made.
        bool granted() const { return list_ == &turns_.going_; }
        /// The step has been made; the next one is the client's.
        void rest();
        /// The client has made it.
        void go_on();
        /// Wakes who waits for the turn: it is granted, or the wait is over.
        aio::Notice& notice() { return notice_; }

      private:
        friend class HandshakeTurns;
        void move(std::list<Turn*>& to);

        HandshakeTurns& turns_;
        Connection& connection_;
        aio::Notice notice_;
        std::list<Turn*>* list_;
        std::list<Turn*>::iterator place_;
        Time rests_since_{};
        bool ended_ = false;
    };

    /// While as many rest as may and others wait, ends those that have rested for `limit`, or for less while
    /// many wait: those that begin and stop must not keep out everybody else until their own deadline.
    void end_long(Time now, std::chrono::steady_clock::duration limit);

  private:
    void grant();

    const std::size_t most_;
    const std::size_t most_resting_;
    std::list<Turn*> going_;
    std::list<Turn*> resting_;    ///< who rests longest first
    std::list<Turn*> returning_;  ///< have rested, and hold what they hold: before those that come
    std::list<Turn*> coming_;
};

}  // namespace stepcast::http
