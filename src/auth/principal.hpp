#pragma once
#include <atomic>
#include <memory>
#include <string>

#include "base/time.hpp"

namespace stepcast::auth {

/// What a caller may do beyond what is its own.
struct Scopes {
    bool publish = false;  ///< send events and orders for any user
    bool admin = false;    ///< admin calls

    bool operator==(const Scopes&) const = default;
};

/// True from when on what proved a name is believed no more: its key is gone. Null: it cannot be taken back.
/// Any thread.
using Revoked = std::shared_ptr<const std::atomic<bool>>;

/// Who calls. A value; any thread. The default is a caller without proof of who it is.
struct Principal {
    std::string subject;  ///< the user, a token's `sub`; empty if anonymous
    Scopes scopes{};
    Timestamp expires = Timestamp::max();  ///< proves nothing from here on
    std::string name{};                    ///< of a publisher key; empty for a token
    Revoked revoked{};
    bool anonymous = true;
};

}  // namespace stepcast::auth
