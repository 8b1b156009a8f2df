#pragma once
#include <atomic>
#include <chrono>
#include <functional>
#include <vector>

#include "aio/backoff.hpp"
#include "aio/notice.hpp"
#include "aio/stop.hpp"
#include "app/config/config.hpp"
#include "auth/key.hpp"
#include "client/http_client.hpp"

namespace stepcast::app {

/// The keys of an issuer, fetched as a JWK Set by HTTP: at once, then at an interval, and when a token names
/// a key that is not known. While it cannot be fetched the keys from before stay. On its executor, a strand,
/// but for `wanted` and `has_keys`.
class KeyFetcher {
  public:
    struct Options {
        client::Url url;
        client::Trust trust{};
        std::chrono::milliseconds refresh{std::chrono::minutes{15}};  ///< less up to a tenth by chance
        std::chrono::milliseconds least{10'000};      ///< between two fetches that tokens ask for
        std::chrono::milliseconds first_retry{1000};  ///< after a fetch that failed; then up to a minute
    };
    /// Is given what was fetched: never nothing, never a secret.
    using Take = std::function<void(std::vector<auth::Key>)>;

    /// What the settings say, with the authorities read. The error is one line for people.
    static result<Options> options_of(const Config& config);

    KeyFetcher(const asio::any_io_executor& strand, Options options, Take take);

    const asio::any_io_executor& strand() const { return strand_; }
    /// Until the stop, which cuts a fetch.
    aio::awaitable<void> run(aio::Stop& stop);
    /// Once.
    aio::awaitable<result<std::vector<auth::Key>>> fetch();
    /// A token named a key that we do not have. Any number of calls make one fetch each `least`. Any thread.
    void wanted();
    /// They have been fetched once. Any thread.
    bool has_keys() const { return has_keys_; }

  private:
    aio::awaitable<void> pause(aio::Stop& stop, bool fetched);

    const asio::any_io_executor strand_;
    const Options options_;
    const Take take_;
    client::HttpClient http_;
    aio::Notice notice_;
    aio::Backoff retries_;
    std::atomic<bool> wanted_{false};
    std::atomic<bool> has_keys_{false};
};

}  // namespace stepcast::app
