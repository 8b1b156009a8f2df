#include "http/time_parameter.hpp"

namespace stepcast::http {

result<std::optional<Timestamp>, Response> optional_time(const Request& request, std::string_view name) {
    const auto given = request.parameter(name);
    if (!given) return std::optional<Timestamp>{};
    // A '+' of an offset that was not escaped arrives as a space.
    std::string text{*given};
    if (const auto space = text.rfind(' '); space != std::string::npos && space > 10) text[space] = '+';
    const auto time = parse_rfc3339(text);
    if (!time) return tl::unexpected{Response::invalid_field(name, "must be an RFC 3339 time")};
    return std::optional{*time};
}

}  // namespace stepcast::http
