#include "http/handshake_turns.hpp"

#include <algorithm>

#include "http/connection.hpp"

namespace stepcast::http {
namespace {

constexpr auto shortest = std::chrono::milliseconds{200};  // a few round trips

}  // namespace

HandshakeTurns::Turn::Turn(HandshakeTurns& turns, Connection& connection, const aio::Strand& strand)
    : turns_{turns},
      connection_{connection},
      notice_{strand},
      place_{turns.waiting_.insert(turns.waiting_.end(), this)} {
    turns_.grant();
}

HandshakeTurns::Turn::~Turn() {
    (granted_ ? turns_.going_ : turns_.waiting_).erase(place_);
    turns_.grant();
}

void HandshakeTurns::grant() {
    while (!waiting_.empty() && going_.size() < most_) {
        Turn& next = *waiting_.front();
        going_.splice(going_.end(), waiting_, next.place_);
        next.granted_ = true;
        next.granted_at_ = std::chrono::steady_clock::now();
        next.notice_.notify();
    }
}

void HandshakeTurns::end_long(Time now, std::chrono::steady_clock::duration limit) {
    if (waiting_.empty()) return;
    const auto share = limit * most_ / std::max(most_, waiting_.size());
    limit = std::max<std::chrono::steady_clock::duration>(share, shortest);
    for (Turn* turn : going_) {
        if (turn->ended_ || now - turn->granted_at_ < limit) continue;
        turn->ended_ = true;
        turn->connection_.expire();
    }
}

}  // namespace stepcast::http
