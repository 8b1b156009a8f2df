#pragma once
#include <asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aio/types.hpp"
#include "client/http_client.hpp"
#include "proof/prove.hpp"
#include "proof/prove/process.hpp"
#include "proof/prove/target.hpp"

namespace stepcast::proof {

/// A server with a journal that is killed and started again while clients call it and send again what nobody
/// answered, and what is found wrong meanwhile. One thread.
class Siege {
  public:
    /// `points`: names of `flow/kill_point` at which it dies in turn; an empty one is any moment.
    Siege(const ProveOptions& options, ProveTarget target, std::string folder,
          std::span<const std::string_view> points);

    /// Runs `direct` to its end, then stops the server in order.
    void carry_out(std::function<aio::awaitable<void>()> direct);

    /// Starts the server and waits until it is ready. False: the failure says why.
    aio::awaitable<bool> begin();
    /// As many clients as there are, each `work` with its number; kills meanwhile. Returns once no client
    /// works.
    aio::awaitable<void> attack(std::uint32_t workers,
                                std::function<aio::awaitable<void>(std::uint32_t number)> work);
    /// Clients begin nothing new.
    bool over() const { return over_ || !failures_.empty(); }

    client::Url server() const { return target_.posts; }
    /// Sends a call until the server says what became of it; nothing if it never does. `method`: GET reads no
    /// body.
    aio::awaitable<std::optional<client::Answer>> ask(client::HttpClient& http, std::string_view method,
                                                      std::string target, std::string body = {},
                                                      std::string key = {});
    /// Until the outbox owes the bus nothing.
    aio::awaitable<void> check_outbox(client::HttpClient& http);
    /// What the outbox told of a task: every event of it once, to the end.
    aio::awaitable<void> check_task(client::HttpClient& http, const std::string& id);

    void fail_with(std::string why);
    bool clean() const { return failures_.empty(); }
    const std::vector<std::string>& failures() const { return failures_; }
    std::uint32_t kills() const { return kills_; }
    std::uint64_t repeats() const { return repeats_; }  ///< requests sent again, because nobody answered
    /// Uniform, the limits included.
    std::uint64_t draw(std::uint64_t low, std::uint64_t high);

  private:
    aio::awaitable<void> kill_rounds();
    aio::awaitable<void> kill_at_random();
    aio::awaitable<void> die_at(std::string_view point);
    bool start_server(const std::string& kill_at);
    aio::awaitable<bool> wait_ready();

    const ProveOptions& options_;
    const ProveTarget target_;
    const std::string folder_;
    const std::span<const std::string_view> points_;
    asio::io_context context_{1};
    std::mt19937_64 random_;
    Child server_;
    std::uint32_t working_ = 0;
    bool over_ = false;
    std::uint32_t kills_ = 0;
    std::uint64_t repeats_ = 0;
    std::vector<std::string> failures_;
};

/// What is to be said of a run: the text, and whether it was clean.
struct SiegeReport {
    std::string text;
    bool clean = false;
};

/// Runs a proof of the server of its own that the options ask for, with these settings before theirs, and
/// writes its report. `name`: of the proof's option. Returns what `run_prove` does.
int run_siege(const ProveOptions& given, std::string_view name, std::span<const std::string_view> settings,
              const std::function<SiegeReport(const ProveOptions&, ProveTarget, std::string folder,
                                              std::string prefix)>& carry_out,
              std::ostream& out);

}  // namespace stepcast::proof
