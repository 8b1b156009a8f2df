#pragma once
#include <string_view>
#include <vector>

#include "http/route.hpp"

namespace stepcast::http {

/// The token in the request's session cookie; empty without one. The name that browsers keep to secure
/// origins counts everywhere, the plain one for clients of this machine only: elsewhere another site under
/// the same domain could have set it.
std::string_view cookie_token(const Request& request);

/// `POST /api/session` swaps the token of Authorization for a cookie that scripts cannot read, for native
/// EventSource, which sets no headers; `DELETE` ends it. The cookie is the token itself and ends with it.
/// `clock` is asked for its age. With auth off both are 404.
std::vector<Route> session_routes(const Clock& clock);

}  // namespace stepcast::http
