#pragma once
#include <memory>

#include "app/config/config.hpp"
#include "app/server/followed_files.hpp"
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
    FollowedFiles& files() { return files_; }

  private:
    Tokens(std::unique_ptr<auth::Verifier> verifier, const Clock& clock)
        : verifier_{std::move(verifier)}, clock_{clock} {}
    bool read_files(bool only_if_changed);

    const std::unique_ptr<auth::Verifier> verifier_;
    const Clock& clock_;
    FollowedFiles files_{"the keys of tokens", [this](bool only_if_changed) -> result<bool> {
                             return read_files(only_if_changed);
                         }};
};

}  // namespace stepcast::app
