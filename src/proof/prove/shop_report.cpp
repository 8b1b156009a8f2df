#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>

#include "event/json.hpp"
#include "proof/prove/shop.hpp"

namespace stepcast::proof {
namespace {

// What ends by itself does so while it is watched.
constexpr std::array<std::string_view, 5> shop_settings{"shop.enabled=true", "shop.payment_timeout=1500ms",
                                                        "shop.step_timeout=30s", "shop.ship_after=1s",
                                                        "store.permanent_max_bytes=4GiB"};

std::string shop_figures(ShopVerdict& v, std::uint64_t seed, const std::string& prefix) {
    boost::json::array failures;
    for (const auto& why : v.failures) failures.emplace_back(why);
    const boost::json::object all{{"clean", v.failures.empty()},
                                  {"seed", seed},
                                  {"kills", v.kills},
                                  {"accepted", v.accepted},
                                  {"confirmed", v.confirmed},
                                  {"compensated", v.compensated},
                                  {"stuck", v.stuck},
                                  {"cancels", v.cancels},
                                  {"repeats", v.repeats},
                                  {"kept", v.kept},
                                  {"sold", v.sold},
                                  {"unitsPutIn", v.put_in},
                                  {"unitsLeft", v.left},
                                  {"unitsShipped", v.shipped},
                                  {"acceptanceP50Ms", v.acceptance.at(50)},
                                  {"acceptanceP99Ms", v.acceptance.at(99)},
                                  {"completionP50Ms", v.completion.at(50)},
                                  {"completionP99Ms", v.completion.at(99)},
                                  {"hash", v.hash},
                                  {"topicPrefix", prefix},
                                  {"failures", std::move(failures)}};
    std::string text;
    event::append_json_value(text, all);
    return text + '\n';
}

std::string shop_table(ShopVerdict& v, std::uint64_t seed) {
    std::string out;
    const auto row = [&](std::string_view name, const auto& value) {
        out += fmt::format("  {:<22}{}\n", name, value);
    };
    row("seed", seed);
    row("kills", v.kills);
    row("orders", fmt::format("{} accepted: {} confirmed, {} compensated, {} stuck", v.accepted, v.confirmed,
                              v.compensated, v.stuck));
    row("cancels", v.cancels);
    row("sent again", v.repeats);
    row("won", fmt::format("{} of {}", v.kept, v.sold));
    row("units", fmt::format("{} left and {} shipped of {}", v.left, v.shipped, v.put_in));
    row("acceptance p50, p99", fmt::format("{:.1f}, {:.1f} ms", v.acceptance.at(50), v.acceptance.at(99)));
    row("to confirmed p50, p99",
        fmt::format("{:.0f}, {:.0f} ms, kills included", v.completion.at(50), v.completion.at(99)));
    row("hash", v.hash);
    for (const auto& why : v.failures) row("FAILED", why);
    return out + (v.failures.empty() ? "clean\n" : "not clean\n");
}

}  // namespace

int run_shop_proof(const ProveOptions& options, std::ostream& out) {
    return run_siege(
        options, "shop", shop_settings,
        [](const ProveOptions& whole, ProveTarget target, std::string folder, const std::string& prefix) {
            auto verdict = ShopProof{whole, std::move(target), std::move(folder)}.carry_out();
            return SiegeReport{
                whole.json ? shop_figures(verdict, whole.seed, prefix) : shop_table(verdict, whole.seed),
                verdict.failures.empty()};
        },
        out);
}

}  // namespace stepcast::proof
