#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace stepcast::auth {

/// Base64 with padding (RFC 4648, section 4).
std::string encode_base64(std::string_view bytes);

/// With its padding, and nothing else; empty for anything that is not that, and for no text.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace stepcast::auth
