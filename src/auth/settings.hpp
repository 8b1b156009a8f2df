#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "base/time.hpp"

namespace stepcast::auth {

/// Whom to believe, and where in a token it stands. A claim's name may be a path of names with dots between
/// them (`realm_access.roles`); a member whose whole name has the dots comes first.
struct Settings {
    std::vector<std::string> keys{};       ///< files and folders, see `read_keys`
    std::string publisher_keys{};          ///< file, see `Publishers`; empty: none
    bool fetches = false;                  ///< further keys will come by `Verifier::take_fetched`
    std::vector<std::string> issuers{};    ///< exactly one of them; empty: any
    std::vector<std::string> audiences{};  ///< the token names one of them; empty: it names none
    std::string subject_claim = "sub";
    std::string scope_claim = "scope";
    std::string audience_claim = "aud";
    std::string publish_scope = "publish";  ///< what the issuer calls our scope
    std::string admin_scope = "admin";
    Duration leeway = std::chrono::seconds{30};  ///< that the issuer's clock may be off
};

}  // namespace stepcast::auth
