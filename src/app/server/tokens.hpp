#pragma once
#include <asio/io_context.hpp>
#include <memory>

#include "app/config/config.hpp"
#include "app/server/followed_files.hpp"
#include "app/server/key_fetcher.hpp"
#include "auth/failures.hpp"
#include "auth/verifier.hpp"
#include "http/access.hpp"

namespace stepcast::app {

/// Whom the server believes, by the keys that the settings name: those of files are read again when they
/// change, those of a URL are fetched again and again.
class Tokens {
  public:
    /// Reads the files. The error is one line for people that names the file.
    static result<std::unique_ptr<Tokens>> open(asio::io_context& io, const Config& config,
                                                const Clock& clock);

    /// The policy uses this, which outlives it.
    http::AccessPolicy policy();
    /// Follows files and URL until the stop.
    aio::awaitable<void> follow(aio::Stop& stop);
    /// Reads the files again, whether they changed or not. Any thread.
    void reload() { files_.reload(); }

    /// The keys have been fetched, if any are to be. Any thread.
    bool ready() const { return !fetcher_ || fetcher_->has_keys(); }
    const auth::Failures& failures() const { return failures_; }

  private:
    Tokens(std::unique_ptr<auth::Verifier> verifier, const Clock& clock)
        : verifier_{std::move(verifier)}, clock_{clock} {}
    result<auth::Principal> verify(std::string_view token);
    bool read_files(bool only_if_changed);

    const std::unique_ptr<auth::Verifier> verifier_;
    const Clock& clock_;
    auth::Failures failures_;
    std::unique_ptr<KeyFetcher> fetcher_;  // null: no URL is set
    FollowedFiles files_{"the keys of tokens", [this](bool only_if_changed) -> result<bool> {
                             return read_files(only_if_changed);
                         }};
};

}  // namespace stepcast::app
