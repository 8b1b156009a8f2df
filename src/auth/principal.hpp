#pragma once
#include <string>

#include "base/time.hpp"

namespace stepcast::auth {

/// What a caller may do beyond what is its own.
struct Scopes {
    bool publish = false;  ///< send events and orders for any user
    bool admin = false;    ///< admin calls

    bool operator==(const Scopes&) const = default;
};

/// Who calls. A value; any thread. The default is a caller without proof of who it is.
struct Principal {
    std::string subject;  ///< the user, a token's `sub`; empty if anonymous
    Scopes scopes{};
    Timestamp expires = Timestamp::max();  ///< proves nothing from here on
    std::string name{};                    ///< of a publisher key; empty for a token
    bool anonymous = true;
};

}  // namespace stepcast::auth
