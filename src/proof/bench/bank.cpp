#include <fmt/format.h>

#include "event/json.hpp"
#include "proof/load/latencies.hpp"
#include "proof/load/run.hpp"
#include "proof/load/swarm.hpp"

namespace stepcast::proof {
namespace {

constexpr std::uint64_t bank_patience = 60 * second_ns;
constexpr std::uint64_t work_patience = 600 * second_ns;
constexpr std::uint32_t won_a_deposit = 10;
constexpr std::uint32_t most_listed = 1'000;

double seconds_since(std::uint64_t start) {
    return static_cast<double>(now_ns() - start) / 1e9;
}

/// The accounts of a run, each named like the user's task, all of one owner.
class Bank {
  public:
    explicit Bank(Run& run) : run_{run}, owner_{run.payloads.user(0)} {}

    const std::string& owner() const { return owner_; }
    std::string account(std::uint32_t index) const { return run_.payloads.task(index); }

    /// Opens them over these many connections. False if one was refused.
    bool open(std::uint32_t accounts, std::uint32_t connections, std::uint64_t balance) {
        std::uint64_t refused = 0;
        Publisher publisher{run_.loop, run_.target, connections,
                            [&](std::uint64_t, int status) { refused += status != 201; }};
        for (std::uint32_t i = 0; i < accounts; ++i)
            publisher.post("/api/accounts",
                           fmt::format(R"({{"accountId":"{}","owner":"{}","initialBalance":{}}})", account(i),
                                       owner_, balance),
                           i);
        return run_.loop.run_until(bank_patience, [&] { return publisher.waiting() == 0; }) && refused == 0;
    }

    /// What the accounts of this run hold together; the server lists them by balance, `most_listed` at most.
    std::optional<std::uint64_t> sum() const {
        const auto listed = fetch(run_.url, fmt::format("/api/accounts?sort=-balance&limit={}", most_listed));
        if (!listed || listed->status != 200) return std::nullopt;
        const auto accounts = event::parse_json(listed->body);
        if (!accounts || !accounts->is_array()) return std::nullopt;
        std::uint64_t sum = 0;
        for (const auto& one : accounts->as_array())
            if (one.at("owner").as_string() == owner_) sum += one.at("balance").to_number<std::uint64_t>();
        return sum;
    }

    /// Until the outbox owes the bus nothing.
    bool relayed() const {
        return run_.loop.run_until(bank_patience, [&] {
            const auto metrics = fetch(run_.url, "/metrics");
            return metrics && metric(metrics->body, "stepcast_outbox_pending") == 0;
        });
    }

  private:
    Run& run_;
    const std::string owner_;
};

/// Keeps as many deposits under way as there are connections, to one account after the other.
class Deposits {
  public:
    Deposits(Run& run, const Bank& bank)
        : run_{run},
          body_{fmt::format(R"({{"amount":{},"source":"bench"}})", won_a_deposit)},
          publisher_{run.loop, run.target, run.options.in_flight,
                     [this](std::uint64_t sent_at, int status) { answered(sent_at, status); }} {
        for (std::uint32_t i = 0; i < run.options.clients; ++i)
            targets_.push_back(fmt::format("/api/accounts/{}/deposits", bank.account(i)));
    }

    /// For `limit_ns`, but no more than `most`, all answers included. False if one was refused.
    bool run_for(std::uint64_t limit_ns, std::uint64_t most) {
        until_ = now_ns() + limit_ns;
        left_ = most;
        for (std::uint32_t i = 0; i < run_.options.in_flight; ++i) post_one();
        return run_.loop.run_until(limit_ns + bank_patience, [&] { return publisher_.waiting() == 0; }) &&
               refused_ == 0;
    }

    std::uint64_t done() const { return done_; }
    std::uint64_t refused() const { return refused_; }
    std::uint64_t conflicts() const { return conflicts_; }
    Latencies& latencies() { return latencies_; }

  private:
    void post_one() {
        const auto now = now_ns();
        if (left_ == 0 || refused_ > 0 || now >= until_) return;
        --left_;
        publisher_.post(targets_[next_++ % targets_.size()], body_, now);
    }

    void answered(std::uint64_t sent_at, int status) {
        latencies_.add(now_ns() - sent_at);
        if (status == 200)
            ++done_;
        else
            ++refused_;
        if (status == 409 || status == 412) ++conflicts_;
        post_one();
    }

    Run& run_;
    const std::string body_;
    std::vector<std::string> targets_;
    std::size_t next_ = 0;
    std::uint64_t until_ = 0;
    std::uint64_t left_ = 0;
    std::uint64_t done_ = 0;
    std::uint64_t refused_ = 0;
    std::uint64_t conflicts_ = 0;
    Latencies latencies_;
    Publisher publisher_;
};

/// Follows the owner's tasks: a transfer is the one of its own name.
class TransferWatch final : public SwarmSink {
  public:
    TransferWatch(Run& run, std::uint32_t transfers) : run_{run}, sent_at_(transfers), ended_at_(transfers) {}

    void sent(std::uint32_t transfer) { sent_at_[transfer] = now_ns(); }
    std::uint32_t ended() const { return ended_; }
    std::uint32_t completed() const { return completed_; }
    Latencies latencies() const {
        Latencies all;
        for (std::size_t i = 0; i < sent_at_.size(); ++i)
            if (ended_at_[i] != 0) all.add(ended_at_[i] - sent_at_[i]);
        return all;
    }

    void on_frame(Subscriber&, const FrameView& frame, std::uint64_t now) override {
        const auto type = find_text(frame.data, "\"eventType\"");
        if (type != "COMPLETED" && type != "FAILED") return;
        const auto transfer = run_.payloads.user_of(frame.data);
        if (!transfer || *transfer >= ended_at_.size() || ended_at_[*transfer] != 0) return;
        ended_at_[*transfer] = now;
        ++ended_;
        if (type == "COMPLETED") ++completed_;
    }
    void on_closed(Subscriber&, int) override {}

  private:
    Run& run_;
    std::vector<std::uint64_t> sent_at_, ended_at_;
    std::uint32_t ended_ = 0;
    std::uint32_t completed_ = 0;
};

}  // namespace

Figures bench_deposits(Run& run) {
    const auto& options = run.options;
    if (options.clients > most_listed) return failure("the accounts of more than a page are not summed up");
    Bank bank{run};
    if (!bank.open(options.clients, options.in_flight, 0)) return failure("an account was refused");
    Deposits load{run, bank};
    const bool counted = options.seconds == 0;
    if (!counted && !load.run_for(second_ns / 2, UINT64_MAX)) return failure("a deposit was refused");
    if (!bank.relayed()) return failure("the outbox was not relayed");

    load.latencies() = {};
    const auto before = load.done();
    const auto cpu = run.probe.cpu_ns();
    const auto start = now_ns();
    const bool whole = counted ? load.run_for(work_patience, options.events)
                               : load.run_for(static_cast<std::uint64_t>(options.seconds * 1e9), UINT64_MAX);
    const auto wall = seconds_since(start);
    const bool relayed = bank.relayed();
    const auto until_relayed = seconds_since(start);
    const auto used = static_cast<double>(run.probe.cpu_ns() - cpu) / 1e9;
    const auto deposits = static_cast<double>(load.done() - before);

    Figures out;
    out["accounts"] = options.clients;
    out["connections"] = options.in_flight;
    out["deposits"] = load.done() - before;
    out["deposits_per_second"] = deposits / wall;
    out["relayed_per_second"] = deposits / until_relayed;
    out["latency_p50_ms"] = load.latencies().at(50);
    out["latency_p99_ms"] = load.latencies().at(99);
    out["server_cpu_share"] = used / until_relayed;
    out["cpu_us_per_deposit"] = used * 1e6 / std::max(deposits, 1.0);
    out["refused"] = load.refused();
    out["conflicts"] = load.conflicts();
    if (!whole) out["error"] = "a deposit was refused, or not answered";
    if (!relayed) out["error"] = "the outbox was not relayed";
    if (bank.sum() != load.done() * won_a_deposit) out["error"] = "the accounts do not hold what was paid in";
    return out;
}

Figures bench_transfers(Run& run) {
    constexpr std::uint64_t first_balance = 1'000'000;
    const auto count = run.options.clients;
    if (count < 2 || count > most_listed) return failure("between 2 and 1,000 clients");
    Bank bank{run};
    if (!bank.open(count, 64, first_balance)) return failure("an account was refused");
    TransferWatch watch{run, count};
    Swarm swarm{run.loop, run.target, watch};
    swarm.add(fill(run.options.subscribe, bank.owner()));
    if (!swarm.open_all(bank_patience)) return failure("the stream did not begin");

    std::uint64_t refused = 0;
    Publisher publisher{run.loop, run.target, count,
                        [&](std::uint64_t, int status) { refused += status != 202; }};
    for (std::uint32_t i = 0; i < count; ++i) publisher.get("/healthz", i);  // each is connected
    run.loop.run_until(bank_patience, [&] { return publisher.waiting() == 0; });
    refused = 0;
    const auto start = now_ns();
    for (std::uint32_t i = 0; i < count; ++i) {
        watch.sent(i);
        publisher.post(
            "/api/transfers",
            fmt::format(R"({{"transferId":"{}","from":"{}","to":"{}","amount":{}}})", bank.account(i),
                        bank.account(i), bank.account((i + 1 + i % (count - 1)) % count), 1 + i % 1'000),
            i);
    }
    run.loop.run_until(bank_patience, [&] { return watch.ended() == count || refused > 0; });
    const auto wall = seconds_since(start);

    auto latencies = watch.latencies();
    Figures out;
    out["transfers"] = count;
    out["ended"] = watch.ended();
    out["completed"] = watch.completed();
    out["seconds"] = wall;
    out["latency_p50_ms"] = latencies.at(50);
    out["latency_p99_ms"] = latencies.at(99);
    out["latency_max_ms"] = latencies.at(100);
    if (refused > 0) out["error"] = "a transfer was refused";
    if (watch.ended() != count) out["error"] = "a transfer did not end";
    if (bank.sum() != count * first_balance) out["error"] = "the sum of all money is another";
    return out;
}

}  // namespace stepcast::proof
