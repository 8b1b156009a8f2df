#include <fmt/format.h>

#include <boost/json.hpp>
#include <ostream>

#include "base/random.hpp"
#include "event/json.hpp"
#include "proof/prove/bank.hpp"

namespace stepcast::proof {
namespace {

constexpr int bank_usage_error = 2;

int complain_of_bank(const std::string& what) {
    fmt::print(stderr, "stepcast prove --bank: {}\n", what);
    return bank_usage_error;
}

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

int run_bank_proof(const ProveOptions& given, std::ostream& out) {
    if (given.target != "stepcast" || !given.attach.empty() || given.memory)
        return complain_of_bank("it starts a server of its own, with a journal");
    ProveOptions options = given;
    // Nothing of what it asks for at the end may have expired.
    options.sets.insert(options.sets.begin(), "store.journal_max_bytes=4GiB");
    auto folder = TemporaryFolder::make(options.keep);
    if (!folder) return complain_of_bank(folder.error().detail);
    const auto token = random_token(6);
    auto target = make_target(options, folder->path(), free_port(), token);
    if (!target) return complain_of_bank(target.error().text());
    const auto verdict = BankProof{options, std::move(*target), folder->path()}.carry_out();
    out << (options.json ? bank_figures(verdict, options.seed, topic_prefix(options, token))
                         : bank_table(verdict, options.seed));
    if (options.keep) fmt::print(stderr, "kept: {}\n", folder->path());
    return verdict.failures.empty() ? 0 : 1;
}

}  // namespace stepcast::proof
