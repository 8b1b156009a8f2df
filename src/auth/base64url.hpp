#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace stepcast::auth {

/// Base64url without padding (RFC 7515, section 2).
std::string encode_base64url(std::string_view bytes);

/// Strict: no padding, no white space, no other letters, and no bits set behind the last byte, so that each
/// value has exactly one text. Empty for anything else.
std::optional<std::string> decode_base64url(std::string_view text);

}  // namespace stepcast::auth
