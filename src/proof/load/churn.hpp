#pragma once
#include <functional>
#include <map>
#include <random>

#include "proof/load/traffic.hpp"

namespace stepcast::proof {

/// Actions at set times.
class Timetable {
  public:
    void at(std::uint64_t when, std::function<void()> action) { due_.emplace(when, std::move(action)); }
    void run(std::uint64_t now);
    void clear() { due_.clear(); }

  private:
    std::multimap<std::uint64_t, std::function<void()>> due_;
};

/// Subscribers under traffic, all of whose frames are recorded. They come back with the last id they saw when
/// the server ends them, and, if asked, lose their connections at random.
class Churn {
  public:
    using EachTurn = std::function<void(std::uint64_t now)>;

    /// Client i follows user i modulo `users`.
    Churn(Run& run, std::uint32_t users, std::uint32_t clients, std::uint64_t seed);

    /// Opens every stream. False if one does not begin.
    bool begin();
    /// From now on each client is cut once a second on average.
    void cut_at_random();
    /// Lets the traffic flow. `reopen`: streams that the server ends are opened again.
    void flow(std::uint64_t for_ns, bool reopen = true);
    /// Called about every millisecond while traffic flows.
    void each_turn(EachTurn call) { each_turn_ = std::move(call); }
    /// Stops cutting, completes every task and waits until every subscriber has seen the end. False if one
    /// does not.
    bool end();

    /// Adds the counts of the run to `out`.
    void report_counts(Figures& out) const;

    Recorder& recorder() { return recorder_; }
    Swarm& swarm() { return swarm_; }
    Traffic& traffic() { return traffic_; }

  private:
    void plan_cut(Subscriber& subscriber, std::uint64_t now);
    void plan_open(Subscriber& subscriber, std::uint64_t now);
    void reopen_closed(std::uint64_t now);

    Run& run_;
    Recorder recorder_;
    Swarm swarm_;
    Traffic traffic_;
    Timetable timetable_;
    EachTurn each_turn_;
    std::mt19937_64 random_;
    std::uint64_t cuts_ = 0;
};

}  // namespace stepcast::proof
