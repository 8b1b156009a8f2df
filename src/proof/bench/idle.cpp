#include "proof/load/run.hpp"
#include "proof/load/swarm.hpp"

namespace stepcast::proof {
namespace {

class Silent final : public SwarmSink {
  public:
    void on_frame(Subscriber&, const FrameView&, std::uint64_t) override {}
    void on_closed(Subscriber&, int) override {}
};

double per_stream(std::uint64_t before, std::uint64_t after, std::uint32_t streams) {
    return (static_cast<double>(after) - static_cast<double>(before)) / streams;
}

}  // namespace

Figures bench_idle(Run& run) {
    const auto& options = run.options;
    Silent sink;
    // A few streams come and go first, so that what the server builds once is not counted per stream.
    {
        Swarm warm_up{run.loop, run.target, sink};
        for (std::uint32_t i = 0; i < 100; ++i) warm_up.add(run.subscribe_target(i));
        if (!warm_up.open_all(10 * second_ns)) return failure("not every stream began");
    }
    run.loop.run_until(second_ns, [] { return false; });

    const auto before = run.probe.memory();
    Swarm swarm{run.loop, run.target, sink};
    for (std::uint32_t i = 0; i < options.clients; ++i) swarm.add(run.subscribe_target(i));
    if (!swarm.open_all(60 * second_ns)) {
        return failure("only " + std::to_string(swarm.streaming()) + " of " +
                       std::to_string(options.clients) + " streams began");
    }
    run.loop.run_until(static_cast<std::uint64_t>(options.seconds * 1e9), [] { return false; });
    const auto after = run.probe.memory();

    Figures out;
    out["clients"] = options.clients;
    out["still_open"] = swarm.streaming();
    out["bytes_per_stream"] = per_stream(before.anonymous, after.anonymous, options.clients);
    out["resident_bytes_per_stream"] = per_stream(before.resident, after.resident, options.clients);
    if (swarm.streaming() != options.clients) out["error"] = "the server ended idle streams";
    return out;
}

}  // namespace stepcast::proof
