#include "http/handshake_turns.hpp"

#include <algorithm>
#include <utility>

#include "http/connection.hpp"

namespace stepcast::http {
namespace {

constexpr auto shortest = std::chrono::milliseconds{200};  // a few round trips

}  // namespace

HandshakeTurns::Turn::Turn(HandshakeTurns& turns, Connection& connection, const aio::Strand& strand)
    : turns_{turns},
      connection_{connection},
      notice_{strand},
      list_{&turns.coming_},
      place_{turns.coming_.insert(turns.coming_.end(), this)} {
    turns_.grant();
}

HandshakeTurns::Turn::~Turn() {
    list_->erase(place_);
    turns_.grant();
}

void HandshakeTurns::Turn::move(std::list<Turn*>& to) {
    to.splice(to.end(), *list_, place_);
    list_ = &to;
}

void HandshakeTurns::Turn::rest() {
    rests_since_ = std::chrono::steady_clock::now();
    move(turns_.resting_);
    turns_.grant();
}

void HandshakeTurns::Turn::go_on() {
    move(turns_.returning_);
    turns_.grant();
}

void HandshakeTurns::grant() {
    while (going_.size() < most_) {
        const bool returns = !returning_.empty();
        auto& from = returns ? returning_ : coming_;
        if (from.empty() || (!returns && resting_.size() >= most_resting_)) return;
        Turn& next = *from.front();
        next.move(going_);
        next.notice_.notify();
    }
}

void HandshakeTurns::end_long(Time now, std::chrono::steady_clock::duration limit) {
    if (coming_.empty() || resting_.size() < most_resting_) return;
    const auto share = limit * most_resting_ / std::max(most_resting_, coming_.size());
    limit = std::max<std::chrono::steady_clock::duration>(share, shortest);
    for (Turn* turn : resting_) {
        if (now - turn->rests_since_ < limit) return;
        if (!std::exchange(turn->ended_, true)) turn->connection_.expire();
    }
}

}  // namespace stepcast::http
