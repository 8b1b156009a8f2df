#include "proof/prove/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>

namespace stepcast::proof {
namespace {

constexpr std::size_t max_examples = 10;

std::string plural(std::uint64_t count, std::string_view one, std::string_view many) {
    return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::vector<std::string> examples(const ProveResult& result) {
    auto out = result.streams.examples;
    out.insert(out.end(), result.store.examples.begin(), result.store.examples.end());
    if (out.size() > max_examples) out.resize(max_examples);
    return out;
}

void add_row(std::string& out, std::string_view name, const std::string& value) {
    out += fmt::format("  {:<22}{}\n", name, value);
}

void add_row(std::string& out, std::string_view name, std::uint64_t value) {
    add_row(out, name, fmt::format("{}", value));
}

void add_times(std::string& out, std::string_view name, const Times& times) {
    if (!times.ms.empty())
        add_row(out, name, fmt::format("{:.0f} ms median, {:.0f} ms at most", times.median(), times.max()));
}

boost::json::array strings(const std::vector<std::string>& texts) {
    boost::json::array out;
    for (const auto& text : texts) out.emplace_back(text);
    return out;
}

std::string hex(std::uint64_t value) {
    return fmt::format("{:016x}", value);
}

}  // namespace

double Times::median() const {
    if (ms.empty()) return 0;
    auto sorted = ms;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
}

double Times::max() const {
    return ms.empty() ? 0 : *std::max_element(ms.begin(), ms.end());
}

std::vector<std::string> reasons_against(const ProveResult& r) {
    auto out = r.failures;
    if (r.interrupted) out.emplace_back("it was interrupted");
    if (!r.streams.clean()) out.push_back("the streams: " + r.streams.text());
    if (!r.store.clean()) out.push_back("the store itself: " + r.store.text());
    if (r.acknowledged == 0) out.emplace_back("nothing was acknowledged, so nothing is proved");
    if (r.delivered == 0) out.emplace_back("nothing was delivered, so nothing is proved");
    if (r.refused > 0) out.push_back(plural(r.refused, "event was", "events were") + " refused for good");
    if (r.given_up > 0)
        out.push_back(plural(r.given_up, "event was", "events were") +
                      " never answered, however often posted");
    if (r.streams_refused > 0)
        out.push_back(plural(r.streams_refused, "subscriber", "subscribers") +
                      " got an answer that ends an EventSource");
    if (r.streams_ended > 0)
        out.push_back(plural(r.streams_ended, "stream", "streams") +
                      " ended by 204 though the user's work went on");
    if (r.streams_left > 0) out.push_back(plural(r.streams_left, "stream", "streams") + " did not come back");
    if (r.kills < r.kills_planned || r.terms < r.terms_planned)
        out.emplace_back(fmt::format("only {} of {} kills and {} of {} stops were carried out", r.kills,
                                     r.kills_planned, r.terms, r.terms_planned));
    if (r.crashes > 0) out.push_back("the server ended by itself, " + plural(r.crashes, "time", "times"));
    return out;
}

std::string table(const ProveResult& r) {
    std::string out = fmt::format("{}{}{}: {} subscribers, {} users, {} tasks, {} s, seed {}, script {}\n",
                                  r.target, r.journal ? " with journal" : "", r.kafka ? " on Kafka" : "",
                                  r.subscribers, r.users, r.tasks, r.seconds, r.seed, hex(r.script_hash));
    add_row(out, "faults",
            fmt::format("{} kill -9, {} SIGTERM, {} cuts, {} stalls, {} fills, {} broker freezes", r.kills,
                        r.terms, r.cuts, r.stalls, r.fills, r.freezes));
    add_row(out, "acknowledged",
            fmt::format("{} of {} published, {} repeats, {} answers 503", r.acknowledged, r.published,
                        r.repeated, r.put_off));
    add_row(out, "delivered", r.delivered);
    add_row(out, "lost", r.streams.lost + r.store.lost);
    add_row(out, "duplicate", r.streams.twice + r.store.twice);
    add_row(out, "silent gaps", r.streams.silent_gaps + r.store.silent_gaps);
    add_row(out, "out of order", r.streams.out_of_order + r.store.out_of_order);
    add_row(out, "corrupted", r.streams.corrupted + r.store.corrupted);
    add_row(out, "announced resets",
            fmt::format("{} ({} into another history), of {} events", r.resets, r.epoch_resets,
                        r.streams.announced));
    add_row(out, "thinned", r.streams.thinned);
    add_row(out, "delivery",
            fmt::format("p50 {:.1f} ms, p99 {:.1f} ms; before the first fault {:.1f} and {:.1f} ms", r.p50_ms,
                        r.p99_ms, r.calm_p50_ms, r.calm_p99_ms));
    add_times(out, "kill to ready", r.ready);
    add_times(out, "kill to first stream", r.back);
    add_times(out, "SIGTERM to exit", r.stop);
    if (r.kib_per_stream > 0) add_row(out, "memory per stream", fmt::format("{:.1f} KiB", r.kib_per_stream));
    if (r.store_was_read)
        add_row(out, "read back", fmt::format("every task's history; {} expired", r.tasks_gone));
    add_row(out, "hash of the log", hex(r.log_hash));
    for (const auto& note : r.notes) out += "  note: " + note + "\n";
    for (const auto& example : examples(r)) out += "  fault: " + example + "\n";
    const auto reasons = reasons_against(r);
    for (const auto& reason : reasons) out += "  NOT CLEAN: " + reason + "\n";
    if (reasons.empty()) out += "  CLEAN: nothing lost, doubled, skipped, reordered or changed\n";
    return out;
}

boost::json::object figures(const ProveResult& r) {
    const auto reasons = reasons_against(r);
    return {{"target", r.target},
            {"journal", r.journal},
            {"kafka", r.kafka},
            {"seed", r.seed},
            {"script_hash", hex(r.script_hash)},
            {"log_hash", hex(r.log_hash)},
            {"seconds", r.seconds},
            {"subscribers", r.subscribers},
            {"users", r.users},
            {"tasks", r.tasks},
            {"published", r.published},
            {"acknowledged", r.acknowledged},
            {"refused", r.refused},
            {"given_up", r.given_up},
            {"repeated", r.repeated},
            {"put_off", r.put_off},
            {"held_back", r.held_back},
            {"delivered", r.delivered},
            {"lost", r.streams.lost + r.store.lost},
            {"duplicate", r.streams.twice + r.store.twice},
            {"silent_gaps", r.streams.silent_gaps + r.store.silent_gaps},
            {"out_of_order", r.streams.out_of_order + r.store.out_of_order},
            {"corrupted", r.streams.corrupted + r.store.corrupted},
            {"lost_in_store", r.store.lost},
            {"store_was_read", r.store_was_read},
            {"tasks_gone", r.tasks_gone},
            {"announced_resets", r.resets},
            {"epoch_resets", r.epoch_resets},
            {"announced_events", r.streams.announced},
            {"thinned", r.streams.thinned},
            {"coalesced", r.coalesced},
            {"reconnects", r.reconnects},
            {"streams_refused", r.streams_refused},
            {"streams_ended", r.streams_ended},
            {"streams_left", r.streams_left},
            {"behind", r.behind},
            {"cuts", r.cuts},
            {"stalls", r.stalls},
            {"kills", r.kills},
            {"terms", r.terms},
            {"fills", r.fills},
            {"freezes", r.freezes},
            {"crashes", r.crashes},
            {"ready_ms_median", r.ready.median()},
            {"ready_ms_max", r.ready.max()},
            {"back_ms_median", r.back.median()},
            {"back_ms_max", r.back.max()},
            {"stop_ms_max", r.stop.max()},
            {"p50_ms", r.p50_ms},
            {"p99_ms", r.p99_ms},
            {"calm_p50_ms", r.calm_p50_ms},
            {"calm_p99_ms", r.calm_p99_ms},
            {"kib_per_stream", r.kib_per_stream},
            {"notes", strings(r.notes)},
            {"examples", strings(examples(r))},
            {"reasons", strings(reasons)},
            {"clean", reasons.empty()}};
}

}  // namespace stepcast::proof
