#pragma once
#include <system_error>

namespace stepcast::client {

/// Why a call to a server gave no answer.
enum class errc {
    bad_url = 1,        ///< not http://host:port
    insecure,           ///< no TLS with the server, or it cannot show that it is the one
    forbidden,          ///< the host has no address that may be connected to
    unreachable,        ///< no connection: refused, unknown host, no route
    timed_out,          ///< no answer within the limit
    cut,                ///< the connection ended in the middle of an answer
    bad_response,       ///< the bytes were no HTTP/1.1 response
    too_large,          ///< the body is larger than the caller allows
    refused,            ///< an event stream was answered with a status other than 200
    wrong_content_type  ///< 200, but no text/event-stream
};

std::error_code make_error_code(errc e);

}  // namespace stepcast::client

template <>
struct std::is_error_code_enum<stepcast::client::errc> : std::true_type {};
