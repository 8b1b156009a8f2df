#include "http/parameters.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace stepcast::http {

result<std::optional<std::int64_t>, Response> optional_number(const Request& request, std::string_view name,
                                                              NumberRange range) {
    const auto text = request.parameter(name);
    if (!text) return std::optional<std::int64_t>{};
    const auto number = parse_number<std::int64_t>(*text);
    if (number && *number >= range.min && *number <= range.max) return number;
    if (range.max == INT64_MAX)
        return tl::unexpected(
            Response::invalid_field(name, fmt::format("must be a whole number, at least {}", range.min)));
    return tl::unexpected(Response::invalid_field(
        name, fmt::format("must be a whole number from {} to {}", range.min, range.max)));
}

result<std::int64_t, Response> required_number(const Request& request, std::string_view name,
                                               NumberRange range) {
    auto number = optional_number(request, name, range);
    if (!number) return tl::unexpected(std::move(number).error());
    if (!*number) return tl::unexpected(Response::invalid_field(name, "is required"));
    return **number;
}

}  // namespace stepcast::http
