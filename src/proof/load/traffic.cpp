#include "proof/load/traffic.hpp"

namespace stepcast::proof {
namespace {

constexpr std::size_t connections = 32;

}  // namespace

Traffic::Traffic(Run& run, Recorder& recorder, std::uint32_t users)
    : run_{run},
      recorder_{recorder},
      users_{users},
      interval_ns_{second_ns / std::max(run.options.rate, 1u)},
      started_(users),
      publisher_{run.loop, run.target, connections,
                 [this](std::uint64_t sequence, int status) { recorder_.answered(sequence, status); }} {}

void Traffic::tick(std::uint64_t now) {
    for (; next_at_ <= now; next_at_ += interval_ns_) {
        const auto user = turn_++ % users_;
        post(user, started_[user] ? "PROGRESS" : "STARTED");
        started_[user] = true;
    }
}

void Traffic::finish() {
    recorder_.expect_finale(recorder_.published());
    for (std::uint32_t user = 0; user < users_; ++user) post(user, "COMPLETED");
}

void Traffic::post(std::uint32_t user, std::string_view type) {
    const auto sequence = recorder_.publish(user, type != "PROGRESS", now_ns());
    publisher_.post(run_.publish_target(user), run_.payloads.event(user, sequence, type), sequence);
}

std::uint64_t coalesced_total(const Run& run) {
    const auto answer = fetch(run.url, "/metrics");
    return answer ? static_cast<std::uint64_t>(metric(answer->body, "stepcast_sse_coalesced_total")) : 0;
}

void report(Figures& out, const Verdict& verdict) {
    out["deliveries"] = verdict.deliveries;
    out["lost"] = verdict.lost;
    out["twice"] = verdict.twice;
    out["silent_gaps"] = verdict.silent_gaps;
    out["out_of_order"] = verdict.out_of_order;
    out["corrupted"] = verdict.corrupted;
    out["thinned"] = verdict.thinned;
    out["announced"] = verdict.announced;
    out["verdict"] = verdict.text();
    if (verdict.clean()) return;
    out["error"] = "a subscriber did not see what it should";
    boost::json::array examples;
    for (const auto& example : verdict.examples) examples.emplace_back(example);
    out["examples"] = std::move(examples);
}

}  // namespace stepcast::proof
