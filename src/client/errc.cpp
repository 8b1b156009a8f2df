#include "client/errc.hpp"

#include "base/error_category.hpp"

namespace stepcast::client {

std::error_code make_error_code(errc e) {
    static const ErrorCategory<errc> category{
        "client",
        {{errc::bad_url, "not a usable URL"},
         {errc::insecure, "the server is not secure"},
         {errc::forbidden, "the server's address is not allowed"},
         {errc::unreachable, "the server cannot be reached"},
         {errc::timed_out, "the server did not answer in time"},
         {errc::cut, "the connection ended in the middle of an answer"},
         {errc::bad_response, "the answer is not HTTP/1.1"},
         {errc::too_large, "the answer is too large"},
         {errc::refused, "the server refused the stream"},
         {errc::wrong_content_type, "the answer is not an event stream"}}};
    return category.code(e);
}

}  // namespace stepcast::client
