#pragma once
#include <sys/types.h>

#include <cstdint>
#include <iosfwd>
#include <string>

namespace stepcast::proof {

/// What `stepcast bench` is to do. Every scenario reads those options that mean something to it.
struct BenchOptions {
    /// fanout | users | latency | idle | replay | churn | slow | drain | crowd | deposits | transfers |
    /// orders; `bench_scenarios()` says what each does.
    std::string scenario;
    std::string server = "http://127.0.0.1:8082";
    /// The server's process, for its CPU and memory from /proc. 0: not measured.
    pid_t server_pid = 0;
    /// Templates; `{user}` becomes the user's id.
    std::string subscribe = "/api/v2/progress/subscribe?userId={user}";
    std::string publish = "/api/v2/progress/events";
    std::uint32_t clients = 1000;   ///< streams; in `churn` per user; accounts, transfers, customers
    std::uint32_t users = 200;      ///< churn; products in `orders`
    std::uint32_t in_flight = 1;    ///< events, deposits or orders under way at once
    std::uint32_t rate = 20;        ///< events per second: latency, churn, slow, drain, crowd; orders
    double seconds = 5;             ///< of measuring, after the warm-up
    std::uint32_t events = 100000;  ///< replay, deposits
    std::uint32_t stalled = 0;      ///< clients that do not read: slow
    std::uint64_t seed = 0;         ///< of the random cuts; 0 draws one
    bool json = false;              ///< one JSON object instead of lines
};

/// Runs one scenario against a running server and writes its figures to `out`. Checks every stream for loss,
/// duplicates, gaps and order on the way. Returns the exit code: 0, or 1 if a stream was not whole or the
/// scenario could not run.
int run_bench(const BenchOptions& options, std::ostream& out);

/// One line per scenario, for a help text.
std::string bench_scenarios();

}  // namespace stepcast::proof
