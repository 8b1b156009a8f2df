#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "auth/key.hpp"

namespace stepcast::auth {

inline constexpr std::size_t most_token_bytes = 8 * 1024;

/// The parts of a token (RFC 7515, compact); nothing is verified. The views are into the text that was read.
struct Token {
    std::string algorithm;           ///< as it stands there
    std::optional<std::string> key;  ///< `kid`
    std::string header;              ///< JSON
    std::string_view signed_part;    ///< header and payload as they were signed
    std::string_view payload;        ///< in base64url
    std::string signature;           ///< bytes
};

/// Refused: what is larger or of another form, and a header that wants more than a known key's signature
/// (`crit`, keys of its own, a type that is not an access token's).
result<Token> read_token(std::string_view text);

/// Signs `payload`, a JSON object, for development and tests. The key's id becomes `kid`.
result<std::string> make_token(const Key& key, Algorithm algorithm, std::string_view payload);

}  // namespace stepcast::auth
