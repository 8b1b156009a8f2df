#include "http/past.hpp"

#include <fmt/format.h>

#include "http/parameters.hpp"

namespace stepcast::http {

result<Past, Response> past_of(const Request& request) {
    auto given = optional_number(request, "version", {.min = 1});
    if (!given) return tl::unexpected{std::move(given.error())};
    Past past;
    if (*given) past.version = static_cast<event::Version>(**given);
    const auto at = request.parameter("at");
    if (!at) return past;
    // A '+' of an offset that was not escaped arrives as a space.
    std::string text{*at};
    if (const auto space = text.rfind(' '); space != std::string::npos && space > 10) text[space] = '+';
    past.at = parse_rfc3339(text);
    if (!past.at) return tl::unexpected{Response::invalid_field("at", "must be an RFC 3339 time")};
    if (past.version) return tl::unexpected{Response::invalid_field("at", "give either version or at")};
    return past;
}

std::string etag_of(event::Version version) {
    return fmt::format("\"v{}\"", version);
}

Response unchanged(const std::string& etag) {
    Response response;
    response.status = 304;
    return std::move(response).with("ETag", etag).with("Cache-Control", users_own);
}

std::string cursor_of(const Request& request) {
    const auto header = request.header("last-event-id").value_or("");
    return std::string{header.empty() ? request.parameter("lastEventId").value_or("") : header};
}

}  // namespace stepcast::http
