#include "proof/load/meter.hpp"

namespace stepcast::proof {

Figures bench_latency(Run& run) {
    const auto& options = run.options;
    Meter meter{run, 1, options.clients};
    Swarm swarm{run.loop, run.target, meter};
    for (std::uint32_t i = 0; i < options.clients; ++i) swarm.add(run.subscribe_target(0));
    if (!swarm.open_all(60 * second_ns)) return failure("not every stream began");
    run.loop.run_until(second_ns / 2, [] { return false; });

    std::uint64_t refused = 0;
    Publisher publisher{run.loop, run.target, 4,
                        [&](std::uint64_t, int status) { refused += status / 100 != 2; }};
    const auto interval = second_ns / std::max(options.rate, 1u);
    auto next_at = now_ns();
    const auto post_due = [&] {
        for (; next_at <= now_ns(); next_at += interval) {
            const auto sequence = meter.expect(0, now_ns());
            publisher.post(run.publish_target(0), run.payloads.event(0, sequence), sequence);
        }
        return false;
    };
    run.loop.run_until(second_ns, post_due, second_ns / 1000);  // warm-up

    meter.forget_figures();
    meter.latencies() = {};
    meter.keep_latencies();
    const auto cpu = run.probe.cpu_ns();
    run.loop.run_until(static_cast<std::uint64_t>(options.seconds * 1e9), post_due, second_ns / 1000);
    const auto used = run.probe.cpu_ns() - cpu;
    const auto deliveries = meter.deliveries();
    run.loop.run_until(5 * second_ns, [&] { return publisher.waiting() == 0; });
    run.loop.run_until(second_ns, [] { return false; });

    Figures out;
    out["clients"] = options.clients;
    out["rate"] = options.rate;
    out["deliveries"] = deliveries;
    out["latency_p50_ms"] = meter.latencies().at(50);
    out["latency_p99_ms"] = meter.latencies().at(99);
    out["latency_max_ms"] = meter.latencies().at(100);
    out["cpu_us_per_delivery"] =
        static_cast<double>(used) / 1e3 / static_cast<double>(std::max<std::uint64_t>(deliveries, 1));
    if (!meter.judge(out)) out["error"] = "a stream was not whole";
    if (refused > 0) out["error"] = "the server refused an event";
    return out;
}

}  // namespace stepcast::proof
