#pragma once
#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "proof/load/verifier.hpp"

namespace stepcast::proof {

/// Middle and highest of some times, in milliseconds.
struct Times {
    std::vector<double> ms;

    double median() const;
    double max() const;
};

/// All that a run has found out.
struct ProveResult {
    std::string target;
    std::uint64_t seed = 0;
    std::uint64_t script_hash = 0;
    std::uint64_t log_hash = 0;
    std::uint32_t seconds = 0;
    std::size_t subscribers = 0;
    std::size_t users = 0;
    std::size_t tasks = 0;
    bool journal = false;
    bool kafka = false;

    std::uint64_t published = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t refused = 0;   ///< posts answered 4xx
    std::uint64_t given_up = 0;  ///< posts that nobody answered until the end
    std::uint64_t repeated = 0;  ///< posts of an event that had no answer before
    std::uint64_t put_off = 0;   ///< answers 503 and 429
    std::uint64_t held_back = 0;

    Verdict streams;               ///< of the subscribers
    Verdict store;                 ///< of what the server itself lists at the end
    bool store_was_read = false;   ///< whether `store` says anything
    std::uint64_t tasks_gone = 0;  ///< finished tasks that expired
    std::uint64_t delivered = 0;
    std::uint64_t resets = 0;
    std::uint64_t epoch_resets = 0;  ///< of these, into another history; the others are for what expired
    std::uint64_t coalesced = 0;     ///< what the server says that it thinned out, for whomever
    std::uint64_t reconnects = 0;
    std::uint64_t streams_refused = 0;  ///< subscribers that an answer ended for good
    std::uint64_t streams_ended = 0;    ///< subscribers that a 204 ended
    std::uint64_t streams_left = 0;     ///< subscribers whose stream did not come back
    std::uint64_t behind = 0;           ///< subscribers that never saw their user's last event

    std::uint64_t cuts = 0;
    std::uint64_t stalls = 0;
    std::uint64_t kills = 0;
    std::uint64_t terms = 0;
    std::uint64_t fills = 0;
    std::uint64_t freezes = 0;
    std::uint64_t kills_planned = 0;
    std::uint64_t terms_planned = 0;
    std::uint64_t crashes = 0;  ///< ends of the server that nobody asked for
    Times ready;                ///< from the kill until the server was ready again
    Times back;                 ///< from the kill until the first stream had begun again
    Times stop;                 ///< from SIGTERM to the end of the process
    double p50_ms = 0;          ///< publish to receive, outages included
    double p99_ms = 0;
    double calm_p50_ms = 0;  ///< the same before the first fault
    double calm_p99_ms = 0;
    double kib_per_stream = 0;

    bool interrupted = false;
    std::vector<std::string> failures;  ///< what stopped the run or went wrong in it
    std::vector<std::string> notes;     ///< what was not tried, and why
};

/// Every reason why the run proves nothing or the opposite, as sentences; empty if it is clean. A run without
/// deliveries, with a subscriber that gave up or with a script that was not carried out is never clean.
std::vector<std::string> reasons_against(const ProveResult& result);

/// The verdict for people.
std::string table(const ProveResult& result);

/// The same for programs: one flat object.
boost::json::object figures(const ProveResult& result);

}  // namespace stepcast::proof
