#include "http/past.hpp"

#include <fmt/format.h>

#include "http/conditions.hpp"
#include "http/parameters.hpp"
#include "http/time_parameter.hpp"

namespace stepcast::http {

result<Past, Response> past_of(const Request& request) {
    auto given = optional_number(request, "version", {.min = 1});
    if (!given) return tl::unexpected{std::move(given.error())};
    Past past;
    if (*given) past.version = static_cast<event::Version>(**given);
    auto at = optional_time(request, "at");
    if (!at) return tl::unexpected{std::move(at.error())};
    past.at = *at;
    if (past.at && past.version)
        return tl::unexpected{Response::invalid_field("at", "give either version or at")};
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

Response answer_version(const Request& request, event::Version version, std::string body) {
    const auto etag = etag_of(version);
    if (not_modified(request, etag)) return unchanged(etag);
    return Response::json(std::move(body)).with("ETag", etag).with("Cache-Control", users_own);
}

std::string cursor_of(const Request& request) {
    const auto header = request.header("last-event-id").value_or("");
    return std::string{header.empty() ? request.parameter("lastEventId").value_or("") : header};
}

}  // namespace stepcast::http
