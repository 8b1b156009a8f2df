#pragma once
#include <boost/json/object.hpp>
#include <memory>
#include <string>

#include "proof/bench.hpp"
#include "proof/load/loop.hpp"
#include "proof/load/network.hpp"
#include "proof/load/payload.hpp"
#include "proof/load/publisher.hpp"
#include "proof/load/server_probe.hpp"

namespace stepcast::proof {

inline constexpr std::uint64_t second_ns = 1'000'000'000;
inline constexpr std::uint64_t millisecond_ns = 1'000'000;

/// What every scenario stands on: the loop, the server's address and /proc entry, the run's payloads.
struct Run {
    Run(const BenchOptions& given, client::Url server, Target resolved)
        : options{given}, url{std::move(server)}, target{std::move(resolved)}, probe{given.server_pid} {}

    std::string subscribe_target(std::uint32_t user) const {
        return fill(options.subscribe, payloads.user(user));
    }
    std::string publish_target(std::uint32_t user) const {
        return fill(options.publish, payloads.user(user));
    }

    const BenchOptions& options;
    client::Url url;
    Target target;
    ServerProbe probe;
    Payloads payloads;
    Loop loop;
};

/// Figures in the order in which they are printed. A scenario that fails says why in "error".
using Figures = boost::json::object;

Figures bench_fanout(Run& run);
Figures bench_latency(Run& run);
Figures bench_idle(Run& run);
Figures bench_replay(Run& run);
Figures bench_churn(Run& run);
Figures bench_slow(Run& run);
Figures bench_drain(Run& run);
Figures bench_crowd(Run& run);
Figures bench_deposits(Run& run);
Figures bench_transfers(Run& run);
Figures bench_orders(Run& run);

inline Figures failure(std::string why) {
    return {{"error", why}};
}

}  // namespace stepcast::proof
