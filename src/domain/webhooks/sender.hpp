#pragma once
#include <asio/io_context.hpp>
#include <asio/thread_pool.hpp>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "aio/stop.hpp"
#include "aio/types.hpp"
#include "base/time.hpp"
#include "client/connection.hpp"
#include "domain/webhooks/signature.hpp"

namespace stepcast::webhooks {

/// One webhook, as the settings say.
struct Options {
    std::string name{};
    client::Url url;
    std::vector<std::string> events;  ///< COMPLETED, FAILED, STALLED
    Secrets secrets;
    std::string secret_file;                         ///< which they came from; read again when it changes
    client::Trust trust{};                           ///< for https
    std::chrono::milliseconds timeout{10'000};       ///< of one attempt, all of it
    std::uint32_t max_attempts = 20;                 ///< then it is a dead letter
    Duration retry = std::chrono::seconds{5};        ///< after the first attempt; each time twice as long
    Duration retry_max = std::chrono::hours{1};      ///< at most so long
    std::size_t in_flight = 8;                       ///< attempts at once
    std::uint64_t max_pending = 16 * 1024 * 1024;    ///< bytes that wait; what comes then waits in the store
    bool allow_private = false;                      ///< addresses that are not public, too
    Duration remember = std::chrono::hours{24 * 8};  ///< that a stall was told
};

/// Makes the attempts of one webhook: one POST, over a connection of its own, to an address that was judged;
/// nothing is followed. On a strand of its own.
class Sender {
  public:
    struct Answer {
        result<void> taken;       ///< by a status of 2xx, within the time
        Duration retry_after{0};  ///< what a receiver that did not take it asks for
    };

    /// All outlive the sender. `files`: where the secrets are read.
    Sender(asio::io_context& io, asio::thread_pool& files, const Options& options, const Clock& clock);

    /// Nothing if the stop came first: then the receiver may have taken it. Any strand.
    aio::awaitable<std::optional<Answer>> send(std::string id, std::string body, aio::Stop& stop);

  private:
    aio::awaitable<std::optional<Answer>> attempt(std::string id, std::string body, aio::Stop& stop);
    aio::awaitable<void> follow_secrets();

    const Options& options_;
    const Clock& clock_;
    const aio::Strand strand_;
    asio::thread_pool& files_;
    Secrets secrets_;
    std::filesystem::file_time_type changed_;
    std::chrono::steady_clock::time_point looked_{};
};

}  // namespace stepcast::webhooks
