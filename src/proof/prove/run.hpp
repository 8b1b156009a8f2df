#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "proof/load/server_probe.hpp"
#include "proof/prove/browsers.hpp"
#include "proof/prove/ledger.hpp"
#include "proof/prove/process.hpp"
#include "proof/prove/report.hpp"
#include "proof/prove/script.hpp"
#include "proof/prove/target.hpp"
#include "proof/prove/traffic.hpp"

namespace stepcast::proof {

/// What one run is made of; all of it outlives the run.
struct ProvePlan {
    const ProveOptions& options;
    const ProveTarget& target;
    const Script& script;
    std::string folder;
    std::string token;
    std::uint32_t users = 1;
    std::uint32_t hot = 0;          ///< users with most of the events; one subscriber of each may stall
    bool until_input_ends = false;  ///< the script is left off once standard input ends
    std::uint64_t seed = 1;
};

/// Carries the script out: starts the server, publishes, breaks, waits until all is quiet again. One thread.
class ProveRun {
  public:
    ProveRun(const ProvePlan& plan, Target streams, Target posts);
    ~ProveRun();

    /// The whole run. Says on stderr how it goes.
    ProveResult carry_out();

    /// Asks every run to end soon; for a signal handler.
    static void interrupt();

  private:
    /// The server is away: from the signal until it is ready and a stream has begun again.
    struct Outage {
        Fault fault = Fault::kill;
        std::uint64_t began = 0;
        std::uint64_t started = 0;  // of the new process; 0: the old one still runs
        std::uint64_t ready = 0;
        bool asked_for = true;
    };

    bool begin();
    bool wait_ready();
    bool is_going_well() const;
    void flow();
    void end();
    void judge();

    void turn(std::uint64_t now, bool regular);
    void perform_due(std::uint64_t now);
    bool perform(const ScriptStep& step, std::uint64_t now);
    void end_stretches(std::uint64_t now);
    void begin_outage(Fault fault, std::uint64_t now, bool asked_for);
    void watch_server(std::uint64_t now);
    void watch_return(std::uint64_t now);
    void start_server();
    void count_crash(int code);
    void ask_ready(std::uint64_t now);
    void note_metrics();
    void say_progress(std::uint64_t now, bool last = false);
    void fail(std::string why) { result_.failures.push_back(std::move(why)); }

    const ProvePlan& plan_;
    Target streams_at_;
    Target posts_at_;
    Loop loop_;
    Ledger ledger_;
    Browsers browsers_;
    ProveTraffic traffic_;
    Publisher asker_;
    Child server_;
    ProveResult result_;
    std::optional<Outage> outage_;
    std::size_t next_step_ = 0;
    std::uint64_t began_at_ = 0;
    std::uint64_t last_turn_ = 0;
    std::uint64_t fill_until_ = 0;
    std::uint64_t frozen_until_ = 0;
    std::uint64_t stalled_until_ = 0;
    std::vector<std::uint32_t> stalled_;
    std::uint64_t coalesced_ = 0;  // over all processes of the server
    std::uint64_t expired_ = 0;
    std::uint64_t next_ask_ = 0;
    std::uint64_t next_say_ = 0;
    bool is_ready_ = false;
    bool is_calm_ = true;
};

/// What the server lists of every task, as logs for the verifier: one log a task. `epoch`: the number of the
/// present history. Tasks that are gone have no log if `may_be_gone` and they had ended; counted in `gone`.
std::vector<SubscriberLog> read_back(const ProveTarget& target, const Ledger& ledger, std::uint32_t epoch,
                                     bool may_be_gone, std::uint64_t& gone);

/// The ledger and all logs as text, one line an entry: what the hash of the log is taken of.
std::string log_text(const Ledger& ledger, const std::vector<SubscriberLog>& logs);

}  // namespace stepcast::proof
