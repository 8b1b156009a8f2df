#include <signal.h>

#include "base/random.hpp"
#include "proof/load/churn.hpp"
#include "proof/load/nuisance.hpp"

namespace stepcast::proof {
namespace {

constexpr std::uint64_t churn_patience = 20 * second_ns;

std::uint64_t length_ns(const Run& run) {
    return static_cast<std::uint64_t>(run.options.seconds * 1e9);
}

/// Ends the run and writes the verdict.
void finish(Run& run, Churn& churn, std::uint64_t coalesced_before, Figures& out) {
    const bool whole = churn.end();
    churn.report_counts(out);
    const auto coalesced = coalesced_total(run) - coalesced_before;
    out["coalesced_total"] = coalesced;
    report(out, churn.recorder().judge(coalesced));
    if (!whole && !out.contains("error")) out["error"] = "not every subscriber saw its last event";
}

/// Latency of the healthy readers over one stretch of traffic.
void measure_calm(Run& run, Churn& churn, Figures& out) {
    churn.flow(second_ns);
    churn.recorder().forget_latencies();
    churn.flow(length_ns(run) / 2);
    out["latency_p50_ms_without"] = churn.recorder().latencies().at(50);
    out["latency_p99_ms_without"] = churn.recorder().latencies().at(99);
}

void measure_disturbed(Run& run, Churn& churn, Figures& out) {
    const auto before = run.probe.memory();
    run.probe.reset_peak();
    churn.recorder().forget_latencies();
    churn.flow(length_ns(run) / 2);
    const auto after = run.probe.memory();
    out["latency_p50_ms"] = churn.recorder().latencies().at(50);
    out["latency_p99_ms"] = churn.recorder().latencies().at(99);
    out["memory_rise"] = after.peak > before.resident ? after.peak - before.resident : 0;
}

class Ignored final : public SwarmSink {
  public:
    void on_frame(Subscriber&, const FrameView&, std::uint64_t) override {}
    void on_closed(Subscriber&, int) override { ++closed_; }
    std::uint64_t closed() const { return closed_; }

  private:
    std::uint64_t closed_ = 0;
};

}  // namespace

Figures bench_churn(Run& run) {
    const auto& options = run.options;
    const std::uint64_t seed = options.seed != 0 ? options.seed : random_u64();
    const auto coalesced = coalesced_total(run);
    Churn churn{run, options.users, options.users * options.clients, seed};
    if (!churn.begin()) return failure("not every stream began");
    churn.cut_at_random();
    churn.flow(length_ns(run));
    Figures out;
    out["seed"] = seed;
    finish(run, churn, coalesced, out);
    return out;
}

Figures bench_drain(Run& run) {
    const auto& options = run.options;
    if (options.server_pid == 0) return failure("drain needs the server's pid");
    Churn churn{run, options.users, options.users * options.clients, 1};
    if (!churn.begin()) return failure("not every stream began");
    churn.flow(length_ns(run));
    kill(options.server_pid, SIGTERM);
    const auto start = now_ns();
    // The publishers go on while the server stops: what is still acknowledged must still arrive.
    while (churn.swarm().streaming() > 0 && now_ns() - start < churn_patience)
        churn.flow(second_ns / 20, false);
    const auto took = now_ns() - start;
    run.loop.run_until(second_ns, [&] { return churn.traffic().waiting() == 0; });

    Figures out;
    churn.report_counts(out);
    out["streams_left"] = churn.swarm().streaming();
    out["drain_seconds"] = static_cast<double>(took) / 1e9;
    report(out, churn.recorder().judge(0));
    if (churn.swarm().streaming() > 0) out["error"] = "the server did not end its streams";
    return out;
}

Figures bench_slow(Run& run) {
    const auto& options = run.options;
    if (options.stalled >= options.clients) return failure("some clients must not stall");
    const auto coalesced = coalesced_total(run);
    Churn churn{run, 1, options.clients, 1};
    if (!churn.begin()) return failure("not every stream began");
    Figures out;
    out["stalled"] = options.stalled;
    measure_calm(run, churn, out);
    for (std::uint32_t i = 0; i < options.stalled; ++i) {
        churn.recorder().set_stalled(i);
        churn.swarm().all()[i].stall();
    }
    measure_disturbed(run, churn, out);
    for (std::uint32_t i = 0; i < options.stalled; ++i) churn.swarm().all()[i].go_on();
    finish(run, churn, coalesced, out);
    return out;
}

Figures bench_crowd(Run& run) {
    constexpr std::uint32_t idle = 10000;
    constexpr std::uint32_t dribbling = 1000;
    const auto& options = run.options;
    const auto coalesced = coalesced_total(run);
    Churn churn{run, 1, options.clients, 1};
    if (!churn.begin()) return failure("not every stream began");
    Figures out;
    measure_calm(run, churn, out);

    Ignored ignored;
    Swarm crowd{run.loop, run.target, ignored};
    for (std::uint32_t i = 1; i <= idle; ++i) crowd.add(run.subscribe_target(i));
    if (!crowd.open_all(6 * churn_patience))
        return failure("only " + std::to_string(crowd.streaming()) + " idle streams began");
    Nuisance nuisance{run.loop, run.target, run.subscribe_target(idle + 1), options.seed};
    nuisance.add_dribblers(dribbling);
    churn.each_turn([&](std::uint64_t now) { nuisance.tick(now); });
    churn.flow(second_ns);
    measure_disturbed(run, churn, out);
    churn.each_turn({});
    out["idle_streams"] = crowd.streaming();
    out["resetting_clients"] = nuisance.resets();
    out["dribbled_bytes"] = nuisance.bytes_dribbled();
    finish(run, churn, coalesced, out);
    if (ignored.closed() > 0) out["error"] = "the server ended idle streams";
    return out;
}

}  // namespace stepcast::proof
