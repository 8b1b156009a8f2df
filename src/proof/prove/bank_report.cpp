#include <fmt/format.h>

#include <boost/json.hpp>

#include "event/json.hpp"
#include "proof/prove/bank.hpp"

namespace stepcast::proof {
namespace {

std::string bank_figures(const BankVerdict& v, std::uint64_t seed, const std::string& prefix) {
    boost::json::array failures;
    for (const auto& why : v.failures) failures.emplace_back(why);
    const boost::json::object all{{"clean", v.failures.empty()},
                                  {"seed", seed},
                                  {"kills", v.kills},
                                  {"calls", v.calls},
                                  {"refused", v.refused},
                                  {"transfers", v.transfers},
                                  {"completed", v.completed},
                                  {"refunded", v.refunded},
                                  {"repeats", v.repeats},
                                  {"sum", v.sum},
                                  {"putIn", v.put_in},
                                  {"topicPrefix", prefix},
                                  {"failures", std::move(failures)}};
    std::string text;
    event::append_json_value(text, all);
    return text + '\n';
}

std::string bank_table(const BankVerdict& v, std::uint64_t seed) {
    std::string out;
    const auto row = [&](std::string_view name, const auto& value) {
        out += fmt::format("  {:<22}{}\n", name, value);
    };
    row("seed", seed);
    row("kills", v.kills);
    row("deposits, withdrawals", fmt::format("{}, {} refused", v.calls, v.refused));
    row("transfers", fmt::format("{}: {} completed, {} refunded", v.transfers, v.completed, v.refunded));
    row("sent again", v.repeats);
    row("won", fmt::format("{} of {}", v.sum, v.put_in));
    for (const auto& why : v.failures) row("FAILED", why);
    return out + (v.failures.empty() ? "clean\n" : "not clean\n");
}

}  // namespace

int run_bank_proof(const ProveOptions& options, std::ostream& out) {
    return run_siege(
        options, "bank", {},
        [](const ProveOptions& whole, ProveTarget target, std::string folder, const std::string& prefix) {
            const auto verdict = BankProof{whole, std::move(target), std::move(folder)}.carry_out();
            return SiegeReport{
                whole.json ? bank_figures(verdict, whole.seed, prefix) : bank_table(verdict, whole.seed),
                verdict.failures.empty()};
        },
        out);
}

}  // namespace stepcast::proof
