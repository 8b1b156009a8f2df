#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "http/message.hpp"

namespace stepcast::http {

struct NumberRange {
    std::int64_t min = 0;
    std::int64_t max = INT64_MAX;
};
/// A query parameter that is a whole number within `range`; empty if it is absent. Otherwise the 400 that
/// names it.
result<std::optional<std::int64_t>, Response> optional_number(const Request& request, std::string_view name,
                                                              NumberRange range);
/// The same, absent not allowed.
result<std::int64_t, Response> required_number(const Request& request, std::string_view name,
                                               NumberRange range);

}  // namespace stepcast::http
