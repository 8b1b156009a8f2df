#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/target.hpp"

namespace stepcast::wire {

enum class Method : std::uint8_t { get, head, post, put, patch, del, options };
inline constexpr std::size_t method_count = 7;

/// "GET", "DELETE", …
std::string_view method_name(Method method);

using Headers = std::vector<std::pair<std::string, std::string>>;

/// Bounds of one request. At a limit is allowed; the first byte, field or request beyond it is refused.
struct Limits {
    std::size_t request_line = 8 * 1024;  ///< bytes without CRLF; beyond: 414
    std::size_t header_bytes =
        16 * 1024;              ///< of all field lines with their CRLFs, trailers counted apart; beyond: 431
    std::size_t headers = 100;  ///< fields; beyond: 431
    std::size_t body = 1024 * 1024;  ///< bytes without chunk framing; beyond: 413
};

/// One request as its sender framed it.
struct RequestMessage {
    Method method = Method::get;
    Target target;
    bool http_1_0 = false;
    bool keep_alive = true;  ///< what the client wants after this request
    Headers headers;  ///< names in lower case, values trimmed, without control characters; bytes from 0x80 on
                      ///< as they came (RFC 9110 §5.5); `host` is the target's if that was absolute
    std::string body;  ///< chunks joined; trailers are checked and dropped
};

/// Why a request was refused. The connection closes after the answer: where the next request begins is not
/// known.
struct Refusal {
    int status = 0;
    std::string_view code;    ///< kebab-case
    std::string_view detail;  ///< a literal
};

}  // namespace stepcast::wire
