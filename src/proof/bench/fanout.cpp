#include <unistd.h>

#include <algorithm>

#include "proof/load/meter.hpp"

namespace stepcast::proof {
namespace {

constexpr std::uint64_t fanout_patience = 30 * second_ns;

double seconds_of(std::uint64_t ns) {
    return static_cast<double>(ns) / 1e9;
}

/// Keeps `in_flight` events under way: whenever one has reached all its subscribers, the next one is posted.
class ClosedLoop {
  public:
    ClosedLoop(Run& run, Meter& meter, std::uint32_t users)
        : run_{run},
          meter_{meter},
          users_{users},
          refused_{0},
          publisher_{run.loop, run.target, run.options.in_flight, [this](std::uint64_t, int status) {
                         if (status < 200 || status > 299) ++refused_;
                     }} {}

    void post_one() {
        const auto user = static_cast<std::uint32_t>(meter_.published() % users_);
        const auto sequence = meter_.expect(user, now_ns());
        publisher_.post(run_.publish_target(user), run_.payloads.event(user, sequence), sequence);
    }

    /// Publishes for `limit_ns` and waits for the last deliveries. False if they do not come.
    bool run_for(std::uint64_t limit_ns) {
        const auto deadline = now_ns() + limit_ns;
        const auto before = meter_.published();
        const auto completed_before = meter_.completed();
        meter_.on_complete([this, deadline](std::uint64_t) {
            if (now_ns() < deadline) post_one();
        });
        for (std::uint32_t i = 0; i < run_.options.in_flight; ++i) post_one();
        const bool whole = run_.loop.run_until(limit_ns + fanout_patience, [&] {
            return refused_ > 0 || (now_ns() >= deadline &&
                                    meter_.completed() - completed_before == meter_.published() - before);
        });
        return whole && refused_ == 0;
    }

    /// One event to every user, a few at a time, so that every stream is known to be live.
    bool warm_up() {
        const auto before = meter_.completed();
        for (std::uint32_t user = 0; user < users_; ++user) post_one();
        return run_.loop.run_until(fanout_patience, [&] {
            return meter_.completed() - before == users_ || refused_ > 0;
        }) && refused_ == 0;
    }

    /// All answers are in.
    bool settle() {
        return run_.loop.run_until(fanout_patience, [&] { return publisher_.waiting() == 0; });
    }

    std::uint64_t refused() const { return refused_; }

  private:
    Run& run_;
    Meter& meter_;
    std::uint32_t users_;
    std::uint64_t refused_;
    Publisher publisher_;
};

}  // namespace

Figures bench_fanout(Run& run) {
    const auto& options = run.options;
    const std::uint32_t users = options.scenario == "users" ? options.clients : 1;
    Meter meter{run, users, options.clients};
    Swarm swarm{run.loop, run.target, meter};
    for (std::uint32_t i = 0; i < options.clients; ++i) swarm.add(run.subscribe_target(i % users));
    if (!swarm.open_all(2 * fanout_patience)) {
        return failure("only " + std::to_string(swarm.streaming()) + " of " +
                       std::to_string(options.clients) + " streams began");
    }
    run.loop.run_until(second_ns / 2, [] { return false; });

    ClosedLoop load{run, meter, users};
    if (!load.warm_up())
        return failure(load.refused() > 0 ? "the server refused an event" : "the warm-up did not arrive");
    load.run_for(second_ns / 2);
    load.settle();

    meter.forget_figures();
    const ServerProbe self{getpid()};
    const auto published = meter.published();
    const auto cpu = run.probe.cpu_ns();
    const auto own_cpu = self.cpu_ns();
    const auto start = now_ns();
    const bool whole = load.run_for(static_cast<std::uint64_t>(options.seconds * 1e9)) && load.settle();
    const auto wall = seconds_of(now_ns() - start);
    const auto used = seconds_of(run.probe.cpu_ns() - cpu);
    const auto own = seconds_of(self.cpu_ns() - own_cpu);

    const auto deliveries = static_cast<double>(std::max<std::uint64_t>(meter.deliveries(), 1));
    const auto events = static_cast<double>(meter.published() - published);
    Figures out;
    out["clients"] = options.clients;
    out["in_flight"] = options.in_flight;
    out["events"] = meter.published() - published;
    out["deliveries"] = meter.deliveries();
    out["seconds"] = wall;
    out["events_per_second"] = events / wall;
    out["deliveries_per_second"] = deliveries / wall;
    out["server_cpu_share"] = used / wall;
    out["generator_cpu_share"] = own / wall;
    out["cpu_us_per_delivery"] = used * 1e6 / deliveries;
    out["cpu_us_per_event"] = used * 1e6 / events;
    if (!meter.judge(out) || !whole) out["error"] = "a stream was not whole";
    return out;
}

}  // namespace stepcast::proof
