#pragma once
#include <sys/types.h>

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace stepcast::proof {

/// What `stepcast prove` is to do.
struct ProveOptions {
    std::uint32_t subscribers = 2000;  ///< streams; the users are a quarter of it
    /// Of the script; 0: as many as its faults need, and with `attach` until standard input ends (at most
    /// 600).
    std::uint32_t seconds = 0;
    std::uint32_t rate = 500;  ///< events per second
    std::uint32_t kills =
        5;  ///< kill -9 of the server; of the bank's and the shop's at any moment and at each place in turn
    std::uint32_t terms = 1;  ///< SIGTERM to the server
    std::uint64_t seed = 0;   ///< of the script; 0 draws one
    /// stepcast | nchan | node, or the URL of any SSE hub's stream with `{user}` in it.
    std::string target = "stepcast";
    /// The URL of a Stepcast with a journal that somebody else runs, breaks and starts again at the same
    /// place: judged as one of ours, never stopped. Its subscribers are only cut. Empty: we start our own.
    std::string attach;
    /// For a URL: where to POST an event, with `{user}`, `{task}` and `{id}`.
    std::string publish;
    /// For a URL: the body of that POST; `{data}` is the event's JSON, `{data_url}` the same for a form.
    std::string body = "{data}";
    std::string content_type = "application/json";
    std::vector<std::string> headers;             ///< "Name: value", sent with every request to a URL target
    std::string hub = "tests/load/node_hub.mjs";  ///< what `node` runs
    std::string kafka;                            ///< brokers; the server then takes its events from there
    pid_t broker_pid = 0;                         ///< the broker's process, which is then frozen for a while
    bool memory = false;                          ///< a server without journal: a kill is an announced reset
    std::vector<std::string> sets;                ///< further settings of the server, "key=value"
    bool bank = false;                            ///< the bank in the place of streams: `run_bank_proof`
    bool shop = false;                            ///< the shop in the place of streams: `run_shop_proof`
    bool script = false;                          ///< print the script and do nothing
    bool keep = false;                            ///< leave the folder with journal and logs
    bool json = false;                            ///< one JSON object instead of the table
};

/// Starts a server of its own, breaks it by a script and judges what every subscriber was sent. The verdict
/// goes to `out`, what happens meanwhile to stderr. Returns the exit code: 0 if nothing was lost, doubled,
/// reordered, changed or skipped and the whole script was carried out; 1 if not; 2 if the options make no
/// sense; 130 if it was interrupted. Blocks; SIGINT and SIGTERM end it in order.
int run_prove(const ProveOptions& options, std::ostream& out);

}  // namespace stepcast::proof
