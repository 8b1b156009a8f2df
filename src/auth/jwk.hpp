#pragma once
#include <string_view>
#include <vector>

#include "auth/key.hpp"

namespace stepcast::auth {

/// The keys of a JWK or a JWK Set (RFC 7517), as public keys and secrets; a private part is not looked at.
/// Keys of a set that are not for signatures, or of a kind that we do not know, are passed over; one that is
/// for us and cannot be used is an error that names it by its `kid`.
result<std::vector<Key>> parse_jwks(std::string_view json);

/// The same of a set that somebody else publishes: what cannot be used is passed over, so that one key of
/// theirs keeps back no other, and so are secrets, which nobody may have published.
result<std::vector<Key>> parse_fetched_jwks(std::string_view json);

}  // namespace stepcast::auth
