#pragma once
#include <string_view>

#include "auth/principal.hpp"
#include "auth/settings.hpp"
#include "base/result.hpp"

namespace stepcast::auth {

/// What a token's payload says of its bearer, and when.
struct Claims {
    Principal principal;
    Timestamp not_before = Timestamp::min();
};

/// Reads a payload whose signature was verified. Refused at `now`: expired, not valid yet, of another issuer,
/// for another audience, without an end or a usable subject. Both ends are `leeway` wider than they say.
result<Claims> read_claims(std::string_view payload, const Settings& settings, Timestamp now);

}  // namespace stepcast::auth
