#include "http/lane_connections.hpp"

#include <algorithm>

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
constexpr steady_clock::duration longest_tick = 250ms;
constexpr steady_clock::duration shortest_tick = 5ms;

}  // namespace

LaneConnections::LaneConnections(broadcast::Lane& lane, const Router& router, const Options& options,
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

void LaneConnections::adopt(Socket socket, bool refused) {
    (refused ? stats_.refusing : stats_.open).fetch_add(1, std::memory_order_relaxed);
    aio::spawn(strand(), "http connection", [this, socket = std::move(socket), refused]() mutable {
        return serve(std::move(socket), refused);
    });
}

awaitable<void> LaneConnections::serve(Socket socket, bool refused) {
    // First, so that it is left last: then nothing here refers to the server any more.
    const auto hold = gate_.enter();
    struct Count {
        std::atomic<std::size_t>& counter;
        ~Count() { counter.fetch_sub(1, std::memory_order_relaxed); }
    } count{refused ? stats_.refusing : stats_.open};
    if (!hold || stopping_) co_return;
    Connection connection{std::move(socket), *this};
    co_await (refused ? connection.refuse_overload() : connection.run());
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
    for (std::size_t p = 0; p < phase_count; ++p) {
        if (static_cast<Phase>(p) == Phase::answering) continue;
        auto& list = phases_[p];
        // Expired ones stay in their list until their coroutine has run; `due` moves away so that they are
        // told once.
        while (!list.empty() && list.front().due <= now) {
            list.front().connection->expire();
            list.front().due = steady_clock::time_point::max();
            list.splice(list.end(), list, list.begin());
        }
    }
}

steady_clock::duration LaneConnections::limit_of(Phase phase) const {
    switch (phase) {
        case Phase::idle:
            return options_.idle_timeout;
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
}

void LaneConnections::leave(Place place, Phase phase) {
    phases_[static_cast<std::size_t>(phase)].erase(place);
}

void LaneConnections::begin_stop() {
    stopping_ = true;
    for (const Phase phase : {Phase::idle, Phase::lingering})
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
