#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace stepcast::webhooks {

enum class errc {
    bad_secret = 1,  ///< the file of the secrets cannot be read, or holds none
    not_public,      ///< the URL names an address that is not public
    refused,         ///< the receiver answered something other than 2xx
    behind,          ///< one of its task before it is a dead letter
    unreadable,      ///< what the store kept is no delivery
};
std::error_code make_error_code(errc e);

/// What a webhook's deliveries are signed with, as Standard Webhooks 1.0 says. Immutable.
class Secrets {
  public:
    /// One `whsec_…` a line, 24 to 64 bytes as base64; blank lines are passed over. Several: each delivery
    /// is signed with all, so that one can follow another without a gap. The error never shows one.
    static result<Secrets> parse(std::string_view text);
    /// The same of a file, which blocks. The error's detail names the file.
    static result<Secrets> read(const std::string& path);

    /// The header `webhook-signature` of a delivery: `v1,` and the base64 of HMAC-SHA256 over id, time and
    /// body, for each secret. `timestamp`: seconds of the epoch.
    std::string sign(std::string_view id, std::int64_t timestamp, std::string_view body) const;

  private:
    std::vector<std::string> keys_;  // their bytes
};

}  // namespace stepcast::webhooks

template <>
struct std::is_error_code_enum<stepcast::webhooks::errc> : std::true_type {};
