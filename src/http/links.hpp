#pragma once
#include <string>

#include "http/message.hpp"

namespace stepcast::http {

/// The path of a request as it stands in an address.
std::string escaped_path(const Request& request);

/// Of lists that go on behind a place: the request as it is, with another `after`, as the value of a Link
/// header.
std::string link_behind(const Request& request, std::string_view after);

}  // namespace stepcast::http
