#pragma once
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "wire/request.hpp"

namespace stepcast::wire {

/// "Not Found"; "Unknown" for a status that has no name here.
std::string_view reason_phrase(int status);

/// An HTTP-date (RFC 9110 §5.6.7), "Sun, 06 Nov 1994 08:49:37 GMT".
std::string format_http_date(std::time_t time);

/// What the Connection header says. HTTP/1.1 stays open when nothing is said, HTTP/1.0 must be told.
enum class Persistence : std::uint8_t { unsaid, keep_alive, close };

/// Everything of a response's head that is not the handler's.
struct ResponseHead {
    int status = 200;
    std::optional<std::uint64_t> content_length{};  ///< left out for 1xx, 204, 304 and streams
    std::string_view date{};
    Persistence persistence = Persistence::unsaid;
    bool chunked = false;  ///< how the body comes where its length is not known
};

/// Appends status line, header fields and the empty line. Control characters in values become spaces, so that
/// no value can end its line and begin another.
void append_response_head(std::string& out, const ResponseHead& head, const Headers& headers);

}  // namespace stepcast::wire
