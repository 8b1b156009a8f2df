#pragma once
#include <memory>
#include <string>

#include "app/config/config.hpp"
#include "auth/key.hpp"
#include "http/route.hpp"

namespace stepcast::app {

/// Gives tokens to whoever asks on this machine: for trying out, off by default. Immutable; any thread.
class DemoIssuer {
  public:
    /// Signs with the first of `auth.keys` that can. The error, that there is none, is one line for people.
    static result<std::unique_ptr<DemoIssuer>> open(const Config& config, const Clock& clock);

    /// `{"userId","password"}` gives a token for an hour, without scopes; any password but an empty one is
    /// right.
    http::Response issue(const http::Request& request) const;

  private:
    DemoIssuer(const Config& config, const Clock& clock, auth::Key key, auth::Algorithm algorithm)
        : config_{config}, clock_{clock}, key_{std::move(key)}, algorithm_{algorithm} {}

    const Config& config_;
    const Clock& clock_;
    const auth::Key key_;
    const auth::Algorithm algorithm_;
};

}  // namespace stepcast::app
