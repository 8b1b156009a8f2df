#include "http/lane_connections.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "aio/spawn.hpp"
#include "broadcast/lane.hpp"
#include "http/connection.hpp"
#include "wire/response.hpp"

namespace stepcast::http {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

/// How long a refused client may take to read the answer before its unread bytes turn the close into a reset.
constexpr auto linger_limit = 2s;
/// Of a handshake that waits for its client while others wait for it: several times the way to the farthest
/// one and back.
constexpr auto longest_handshake = 2s;
constexpr auto told = steady_clock::time_point::max();
constexpr steady_clock::duration longest_tick = 250ms;
constexpr steady_clock::duration shortest_tick = 5ms;

/// For its client, who has asked nothing.
bool waits(Phase phase) {
    return phase == Phase::idle || phase == Phase::greeting;
}

}  // namespace

LaneConnections::LaneConnections(broadcast::Lane& lane, const Router& router, const ServerOptions& options,
                                 ServerStats& stats, Budgets& budgets)
    : lane_{lane},
      router_{router},
      options_{options},
      stats_{stats},
      budgets_{budgets},
      sweep_end_{lane.strand()},
      sweep_gate_{lane.strand()},
      gate_{lane.strand()} {}

const aio::Strand& LaneConnections::strand() const {
    return lane_.strand();
}

void LaneConnections::adopt(aio::Transport transport, Room room) {
    (room == Room::none ? stats_.refusing : stats_.open).fetch_add(1, std::memory_order_relaxed);
    if (room != Room::none) coming_.fetch_add(1, std::memory_order_relaxed);
    aio::spawn(strand(), "http connection", [this, transport = std::move(transport), room]() mutable {
        return serve(std::move(transport), room);
    });
}

awaitable<void> LaneConnections::serve(aio::Transport transport, Room room) {
    // First, so that it is left last: then nothing here refers to the server any more.
    const auto hold = gate_.enter();
    if (room != Room::none) coming_.fetch_sub(1, std::memory_order_relaxed);
    struct Count {
        std::atomic<std::size_t>* among;
        ~Count() { among->fetch_sub(1, std::memory_order_relaxed); }
    } count{room == Room::none ? &stats_.refusing : &stats_.open};
    if (!hold || stopping_) co_return;
    const bool served = room == Room::free || (room == Room::of_idle && close_longest_idle());
    if (!served) stats_.refused.fetch_add(1, std::memory_order_relaxed);
    if (!served && room == Room::of_idle) {  // whoever was idle is not any more
        if (stats_.refusing.load(std::memory_order_relaxed) >= max_refusals) co_return;
        stats_.refusing.fetch_add(1, std::memory_order_relaxed);
        std::exchange(count.among, &stats_.refusing)->fetch_sub(1, std::memory_order_relaxed);
    }
    Connection connection{std::move(transport), *this};
    co_await (served ? connection.run() : connection.refuse_overload());
}

/// Makes room for one. False if nobody is idle any more.
bool LaneConnections::close_longest_idle() {
    for (const Phase phase : {Phase::idle, Phase::greeting}) {
        auto& list = phases_[static_cast<std::size_t>(phase)];
        for (auto entry = list.begin(); entry != list.end(); ++entry) {
            if (entry->due == told) continue;              // it is closing already, for another
            if (entry->connection->has_input()) continue;  // its request is here, and only waits for its turn
            tell(list, entry);
            stats_.evicted.fetch_add(1, std::memory_order_relaxed);
            return true;
        }
    }
    return false;
}

void LaneConnections::start() {
    aio::spawn(strand(), "http deadlines", [this] { return sweep(); });
}

awaitable<void> LaneConnections::sweep() {
    const auto hold = sweep_gate_.enter();
    const steady_clock::duration shortest = std::min({options_.header_timeout, options_.body_timeout,
                                                      options_.idle_timeout, options_.write_timeout}) /
                                            4;
    const auto tick = std::clamp(shortest, shortest_tick, longest_tick);
    while (!stopped_) {
        co_await sweep_end_.wait(tick);
        expire_due(steady_clock::now());
    }
}

void LaneConnections::expire_due(steady_clock::time_point now) {
    handshakes_.end_long(now, longest_handshake);
    for (std::size_t p = 0; p < phase_count; ++p) {
        if (static_cast<Phase>(p) == Phase::answering) continue;
        auto& list = phases_[p];
        while (!list.empty() && list.front().due <= now) tell(list, list.begin());
    }
}

/// That its time is over. It stays in its list until its coroutine has run, at its end, and
/// whoever comes meanwhile stands behind it.
void LaneConnections::tell(std::list<Entry>& list, std::list<Entry>::iterator entry) {
    entry->connection->expire();
    entry->due = told;
    list.splice(list.end(), list, entry);
}

steady_clock::duration LaneConnections::limit_of(Phase phase) const {
    switch (phase) {
        case Phase::idle:
            return options_.idle_timeout;
        case Phase::greeting:
        case Phase::head:
            return options_.header_timeout;
        case Phase::body:
            return options_.body_timeout;
        case Phase::writing:
            return options_.write_timeout;
        default:
            return linger_limit;
    }
}

LaneConnections::Place LaneConnections::enter(Connection& connection) {
    auto& list = phases_[static_cast<std::size_t>(Phase::answering)];
    return list.insert(list.end(), {&connection, {}});
}

void LaneConnections::move(Place place, Phase from, Phase to) {
    auto& list = phases_[static_cast<std::size_t>(to)];
    if (to != Phase::answering) place->due = steady_clock::now() + limit_of(to);
    list.splice(list.end(), phases_[static_cast<std::size_t>(from)], place);
    if (waits(from) || waits(to)) count_idle();
}

void LaneConnections::leave(Place place, Phase phase) {
    phases_[static_cast<std::size_t>(phase)].erase(place);
    if (waits(phase)) count_idle();
}

void LaneConnections::count_idle() {
    std::size_t count = 0;
    for (std::size_t p = 0; p < phase_count; ++p)
        if (waits(static_cast<Phase>(p))) count += phases_[p].size();
    idle_.store(count, std::memory_order_relaxed);
}

void LaneConnections::begin_stop() {
    stopping_ = true;
    for (const Phase phase : {Phase::idle, Phase::greeting, Phase::lingering})
        for (const Entry& entry : phases_[static_cast<std::size_t>(phase)]) entry.connection->expire();
}

awaitable<bool> LaneConnections::finish_stop(steady_clock::time_point deadline) {
    bool gone = co_await gate_.close(std::max(deadline - steady_clock::now(), steady_clock::duration{}));
    if (!gone) {
        for (const auto& list : phases_)
            for (const Entry& entry : list) entry.connection->cut();
        gone = co_await gate_.close(1s);
    }
    stopped_ = true;
    sweep_end_.notify();
    co_await sweep_gate_.close();
    co_return gone;
}

void LaneConnections::complain(const Peer& peer, std::string_view what) {
    const auto now = steady_clock::now();
    if (now - complained_ < 1s) return;
    complained_ = now;
    spdlog::warn("the connection from {} was closed: it {}", peer.name(), what);
}

std::string& LaneConnections::head_buffer() {
    head_buffer_.clear();
    return head_buffer_;
}

std::string_view LaneConnections::date() {
    const std::time_t now = std::time(nullptr);
    if (now != date_second_) date_ = wire::format_http_date(now), date_second_ = now;
    return date_;
}

}  // namespace stepcast::http
