#include "proof/prove.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>

#include <algorithm>
#include <iostream>
#include <memory>

#include "base/random.hpp"
#include "event/json.hpp"
#include "proof/load/network.hpp"
#include "proof/prove/bank.hpp"
#include "proof/prove/process.hpp"
#include "proof/prove/run.hpp"
#include "proof/prove/script.hpp"
#include "proof/prove/shop.hpp"

namespace stepcast::proof {
namespace {

constexpr int usage_error = 2;
constexpr int interrupted_exit = 130;
constexpr std::uint32_t subscribers_per_user = 4;
constexpr std::uint32_t most_hot_users = 4;
constexpr std::uint32_t stalls = 2;
constexpr std::uint32_t most_attached_seconds = 600;

int complain(const std::string& what) {
    fmt::print(stderr, "stepcast prove: {}\n", what);
    return usage_error;
}

/// From the first signal on; the second one has its usual effect, and the kernel ends our children with us.
void listen_to_signals() {
    struct sigaction action{};
    action.sa_handler = [](int) { ProveRun::interrupt(); };
    action.sa_flags = SA_RESETHAND;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

ScriptOptions script_options(const ProveOptions& options, std::uint32_t hot) {
    const bool is_stepcast = options.target == "stepcast";
    const bool is_ours =
        (is_stepcast && options.attach.empty()) || options.target == "nchan" || options.target == "node";
    ScriptOptions out{.seed = options.seed,
                      .seconds = options.seconds,
                      .subscribers = options.subscribers,
                      .kills = is_ours ? options.kills : 0,
                      .terms = is_ours ? options.terms : 0,
                      .fills = is_stepcast && is_ours && !options.memory ? 1u : 0u,
                      .freezes = options.broker_pid > 0 ? 1u : 0u,
                      .stalls = stalls,
                      .may_stall = hot};
    if (out.seconds == 0)
        out.seconds = options.attach.empty() ? comfortable_seconds(out) : most_attached_seconds;
    return out;
}

std::vector<std::string> notes(const ProveOptions& options, const ProveTarget& target,
                               const ProveResult& result) {
    auto out = result.notes;
    if (target.command.empty())
        out.emplace_back("a server at a URL is not ours: it was neither stopped nor killed");
    if (!options.kafka.empty() && options.broker_pid == 0)
        out.emplace_back("the broker was not frozen: --broker-pid was not given");
    if (result.fills > 0 && result.put_off == 0 && result.tasks_gone == 0)
        out.emplace_back("the journal was never full");
    if (target.stepcast && !options.memory && result.epoch_resets > 0)
        out.emplace_back("a server with a journal should go on with its history, without such resets");
    return out;
}

int run(const ProveOptions& options, const Script& script, std::uint32_t users, std::uint32_t hot,
        bool until_input_ends, std::ostream& out) {
    auto folder = TemporaryFolder::make(options.keep);
    if (!folder) return complain(folder.error().detail);
    const auto token = random_token(6);
    const auto target = make_target(options, folder->path(), free_port(), token);
    if (!target) return complain(target.error().text());
    const auto streams = resolve(target->streams);
    const auto posts = resolve(target->posts);
    if (!streams || !posts) return complain((streams ? posts : streams).error().text());
    if (raise_descriptor_limit() < options.subscribers + 200)
        return complain(
            fmt::format("the limit of open descriptors is too low for {} streams", options.subscribers));
    listen_to_signals();

    const ProvePlan plan{.options = options,
                         .target = *target,
                         .script = script,
                         .folder = folder->path(),
                         .token = token,
                         .users = users,
                         .hot = hot,
                         .until_input_ends = until_input_ends,
                         .seed = options.seed};
    auto result = ProveRun{plan, *streams, *posts}.carry_out();
    result.seed = options.seed;
    result.script_hash = script.hash();
    result.seconds = options.seconds;
    result.subscribers = options.subscribers;
    result.users = users;
    result.journal = target->stepcast && !options.memory;
    result.kafka = !options.kafka.empty();
    result.notes = notes(options, *target, result);
    if (options.json) {
        std::string text;
        event::append_json_value(text, figures(result));
        out << text << '\n';
    } else {
        out << table(result);
    }
    if (options.keep) fmt::print(stderr, "kept: {}\n", folder->path());
    if (result.interrupted) return interrupted_exit;
    return reasons_against(result).empty() ? 0 : 1;
}

}  // namespace

int run_prove(const ProveOptions& given, std::ostream& out) {
    ProveOptions options = given;
    if (options.subscribers == 0) return complain("--subscribers must be at least 1");
    if (options.rate == 0) return complain("--rate must be at least 1");
    // Short enough to be typed again.
    if (options.seed == 0) options.seed = random_u64() % 1'000'000 + 1;
    if (options.bank && options.shop) return complain("--bank or --shop, not both");
    if (options.bank) return run_bank_proof(options, out);
    if (options.shop) return run_shop_proof(options, out);
    const std::uint32_t users = std::max(1u, options.subscribers / subscribers_per_user);
    // A server that others stop takes the count of what it thinned out with it: there nobody stalls.
    const std::uint32_t hot = options.attach.empty() ? std::clamp(users / 4, 1u, most_hot_users) : 0;
    const bool until_input_ends = !options.attach.empty() && options.seconds == 0;
    const auto plan = script_options(options, hot);
    options.seconds = plan.seconds;
    const auto script = make_script(plan);
    if (!script) return complain(script.error().text());
    if (options.script) {
        out << script->text();
        out << fmt::format("seed {}, {} s, hash {:016x}\n", options.seed, options.seconds, script->hash());
        return 0;
    }
    return run(options, *script, users, hot, until_input_ends, out);
}

}  // namespace stepcast::proof
