#pragma once
#include <string>

#include "base/result.hpp"
#include "client/response_parser.hpp"

namespace stepcast::app {

/// The token that a caller has: in the file (`-`: stdin), or without one in $STEPCAST_TOKEN; without its line
/// end. Empty if there is neither. The error is a line for people.
result<std::string, std::string> read_token_option(const std::string& file);

/// The header that carries a token; none if it is empty.
client::Headers bearer(const std::string& token);

}  // namespace stepcast::app
