#pragma once
#include <cstddef>
#include <string>

#include "auth/algorithm.hpp"

namespace stepcast::auth {

/// A key as texts for files: PEM, or for HMAC the secret's letters.
struct NewKey {
    std::string secret;  ///< signs
    std::string open;    ///< verifies; empty for HMAC, where the secret does
};

/// So many bytes that nobody can guess, as base64url. Throws std::runtime_error if OpenSSL has none.
std::string make_secret(std::size_t bytes);

/// Makes a key for the algorithm: RSA of 3072 bits, the curve that it names, or a secret as long as its hash.
NewKey make_key(Algorithm algorithm);

}  // namespace stepcast::auth
