#pragma once
#include "http/lane_connections.hpp"

namespace stepcast::http {

/// What a connection is doing, for its lane to hold to a time limit, and whether that limit is over. On the
/// lane's strand.
class ConnectionPhase {
  public:
    ConnectionPhase(LaneConnections& lane, Connection& connection)
        : lane_{lane}, place_{lane.enter(connection)} {}
    ~ConnectionPhase() { lane_.leave(place_, now_); }
    ConnectionPhase(const ConnectionPhase&) = delete;
    ConnectionPhase& operator=(const ConnectionPhase&) = delete;

    Phase now() const { return now_; }
    void enter(Phase phase) {
        // A limit is for the whole phase; writing is held to each byte taken.
        if (phase == now_ && phase != Phase::writing) return;
        lane_.move(place_, now_, phase);
        now_ = phase;
    }

    void expire() { expired_ = true; }
    bool expired() const { return expired_; }
    /// The limit was over, and what follows has one of its own.
    void forgive() { expired_ = false; }
    /// Nothing follows.
    void cut() { cut_ = expired_ = true; }
    bool is_cut() const { return cut_; }

  private:
    LaneConnections& lane_;
    const LaneConnections::Place place_;
    Phase now_ = Phase::answering;
    bool expired_ = false;
    bool cut_ = false;
};

}  // namespace stepcast::http
