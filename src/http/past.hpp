#pragma once
#include <optional>
#include <string>

#include "base/time.hpp"
#include "event/event.hpp"
#include "http/message.hpp"

namespace stepcast::http {

/// Which past of a stream is asked for: `?version=N`, `?at=TIME` (RFC 3339, also with an offset whose '+' was
/// not escaped), or neither.
struct Past {
    std::optional<event::Version> version{};
    std::optional<Timestamp> at{};
};
/// Or the 400 that names the parameter; both at once are refused.
result<Past, Response> past_of(const Request& request);

/// The ETag of what stands at a version, with its quotes.
std::string etag_of(event::Version version);
/// Cache-Control of what is a user's: no shared cache may keep it, the browser's may, and asks by the ETag.
inline constexpr const char* users_own = "private, no-cache";
/// 304 with it.
Response unchanged(const std::string& etag);
/// The answer about what is a user's and stands at a version: `body`, or 304 to who has that version.
Response answer_version(const Request& request, event::Version version, std::string body);

/// Where a stream's client stands: the header that EventSource sets beats the parameter of those who cannot
/// set it. Empty: it has nothing yet.
std::string cursor_of(const Request& request);

}  // namespace stepcast::http
