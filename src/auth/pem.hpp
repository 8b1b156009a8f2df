#pragma once
#include <string_view>

#include "auth/key.hpp"

namespace stepcast::auth {

/// The one key in PEM: public, private without a passphrase, or a certificate's, of which nothing but the key
/// is looked at.
result<Key> parse_pem(std::string_view pem);

inline bool is_pem(std::string_view text) {
    return text.starts_with("-----BEGIN ");
}

}  // namespace stepcast::auth
