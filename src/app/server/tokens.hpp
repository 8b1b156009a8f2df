#pragma once
#include <asio/thread_pool.hpp>
#include <memory>

#include "aio/stop.hpp"
#include "aio/types.hpp"
#include "app/config/config.hpp"
#include "auth/verifier.hpp"
#include "http/access.hpp"

namespace stepcast::app {

/// Whom the server believes, by the keys that the settings name; they are read again when their files change.
class Tokens {
  public:
    /// Reads the keys. The error is one line for people that names the file.
    static result<std::unique_ptr<Tokens>> open(const Config& config, const Clock& clock);

    /// The policy uses this, which outlives it.
    http::AccessPolicy policy();
    /// Follows the files until the stop. A file that cannot be used is logged, and the old keys stay.
    aio::awaitable<void> watch(aio::Stop& stop);
    /// Reads them again, whether they changed or not. Any thread.
    void reload();

  private:
    void tell(const result<bool>& read) const;

    Tokens(std::unique_ptr<auth::Verifier> verifier, const Clock& clock)
        : verifier_{std::move(verifier)}, clock_{clock} {}

    const std::unique_ptr<auth::Verifier> verifier_;
    const Clock& clock_;
    asio::thread_pool files_{1};  // reading keys blocks
};

}  // namespace stepcast::app
