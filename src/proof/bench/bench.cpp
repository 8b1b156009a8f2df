#include "proof/bench.hpp"

#include <array>
#include <ostream>
#include <string_view>

#include "event/json.hpp"
#include "proof/load/run.hpp"

namespace stepcast::proof {
namespace {

struct Scenario {
    std::string_view name;
    std::string_view says;
    Figures (*bench)(Run&);
};

constexpr std::array scenarios{
    Scenario{"fanout", "one user's events to --clients streams, --in-flight at once: CPU per delivery",
             bench_fanout},
    Scenario{"users", "--clients users with one stream each, a POST per event: CPU per event", bench_fanout},
    Scenario{"latency", "--rate events per second to --clients streams: publish to receive", bench_latency},
    Scenario{"idle", "--clients silent streams: memory per stream", bench_idle},
    Scenario{"replay", "--clients read a task of --events at once: first event, whole, memory", bench_replay},
    Scenario{"churn", "--users with --clients each that are cut at random under --rate: nothing lost",
             bench_churn},
    Scenario{"slow", "--stalled of --clients do not read under --rate: the others do not notice", bench_slow},
    Scenario{"drain", "SIGTERM to the server under --rate: what it acknowledged still arrives", bench_drain},
    Scenario{"crowd", "10,000 idle, 1,000 byte-a-second and resetting clients beside --clients: no harm",
             bench_crowd},
    Scenario{"deposits",
             "over --in-flight connections to --clients accounts, --events of them if --seconds is 0",
             bench_deposits},
    Scenario{"transfers", "--clients at once: from each POST to the end of its task", bench_transfers},
    Scenario{
        "orders",
        "of --clients customers, --users products, at --rate or, with 0, --in-flight at once: to CONFIRMED",
        bench_orders},
};

void print(const Figures& figures, bool json, std::ostream& out) {
    std::string text;
    if (json) {
        event::append_json_value(text, figures);
        text += '\n';
    } else {
        for (const auto& [name, value] : figures) {
            text.append(name).append(": ");
            if (value.is_string())
                text.append(value.get_string());
            else
                event::append_json_value(text, value);
            text += '\n';
        }
    }
    out << text << std::flush;
}

Figures run_scenario(const BenchOptions& options) {
    const auto url = client::parse_url(options.server);
    if (!url) return failure(url.error().detail);
    const auto target = resolve(*url);
    if (!target) return failure(target.error().detail);
    raise_descriptor_limit();
    for (const auto& scenario : scenarios) {
        if (scenario.name != options.scenario) continue;
        Run run{options, *url, *target};
        return scenario.bench(run);
    }
    return failure("no scenario is called " + options.scenario);
}

}  // namespace

int run_bench(const BenchOptions& options, std::ostream& out) {
    const Figures figures = run_scenario(options);
    print(figures, options.json, out);
    return figures.contains("error") ? 1 : 0;
}

std::string bench_scenarios() {
    std::string out;
    for (const auto& scenario : scenarios) {
        out.append(scenario.name)
            .append(std::string(10 - scenario.name.size(), ' '))
            .append(scenario.says)
            .append("\n");
    }
    return out;
}

}  // namespace stepcast::proof
