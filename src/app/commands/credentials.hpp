#pragma once
#include <string>

#include "app/commands/commands.hpp"
#include "base/result.hpp"
#include "client/response_parser.hpp"

namespace stepcast::app {

/// The token that a caller has: in the file (`-`: stdin), or without one in $STEPCAST_TOKEN; without its line
/// end. Empty if there is neither. The error is a line for people.
result<std::string, std::string> read_token_option(const std::string& file);

/// The server at `url` with the token that the caller has (`read_token_option`), and with whom to believe if
/// it is https: the authorities in the file `ca`, or without one those of this machine. The error is a line
/// for people.
result<CalledServer, std::string> find_server(const std::string& url, const std::string& token_file,
                                              const std::string& ca);

/// The header that carries a token; none if it is empty.
client::Headers bearer(const std::string& token);

}  // namespace stepcast::app
