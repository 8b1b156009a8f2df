#include "http/access.hpp"

namespace stepcast::http {

std::optional<Response> AccessPolicy::judge(Access rule, Request& request) const {
    if (rule == Access::open || rule == Access::user || request.is_local()) return std::nullopt;
    return Response::problem(403, "admin-needs-auth",
                             "without auth, admin calls are answered to clients on the same machine only");
}

}  // namespace stepcast::http
