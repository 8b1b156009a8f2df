#pragma once
#include <optional>
#include <string_view>

#include "base/time.hpp"
#include "http/message.hpp"

namespace stepcast::http {

/// A query parameter that is a time (RFC 3339, also with an offset whose '+' was not escaped); empty if it is
/// absent. Otherwise the 400 that names it.
result<std::optional<Timestamp>, Response> optional_time(const Request& request, std::string_view name);

}  // namespace stepcast::http
