#include "http/access.hpp"

#include <algorithm>

#include "auth/errc.hpp"
#include "http/cookie_session.hpp"
#include "http/cors.hpp"
#include "http/stream/sse_session.hpp"
#include "wire/chars.hpp"

namespace stepcast::http {
namespace {

constexpr std::string_view scheme = "bearer ";

/// 401 as RFC 6750 §3 has it: no error code for who sent nothing.
Response unproven(std::string_view code, std::string_view reason, bool tried) {
    Response response = Response::problem(401, code, reason);
    response.with("WWW-Authenticate",
                  tried ? R"(Bearer realm="stepcast", error="invalid_token")" : R"(Bearer realm="stepcast")");
    response.close = true;  // who is turned away keeps no connection
    return response;
}

/// Nobody can be judged yet. A browser's stream is told to come back: it gives up for good on any status but
/// 200.
Response not_yet(const Request& request, std::string_view reason) {
    Response response = sse_busy(request);
    if (response.status != 200)
        response = Response::problem(503, "keys-unavailable", reason).with("Retry-After", "2");
    response.close = true;
    return response;
}

}  // namespace

AccessPolicy AccessPolicy::of_admins() {
    AccessPolicy policy;
    policy.of_admins_ = true;
    return policy;
}

std::optional<Response> AccessPolicy::judge(Access rule, Request& request, const HostPolicy& hosts) const {
    if (rule == Access::open || of_admins_) return std::nullopt;
    if (!verify_) {
        // A page whose name was made to resolve to us asks from this machine as well, but by that name.
        if (rule == Access::user || (request.is_local() && hosts.knows(request))) return std::nullopt;
        return Response::problem(403, "admin-needs-auth",
                                 "without auth, admin calls are answered to clients on the same machine "
                                 "only, under its own name or one of http.hosts");
    }
    if (auto refusal = prove(request)) return refusal;
    if (rule == Access::user || request.principal.scopes.admin) return std::nullopt;
    return Response::problem(403, "missing-scope", "this call needs the scope admin")
        .with("WWW-Authenticate", R"(Bearer realm="stepcast", error="insufficient_scope", scope="admin")");
}

std::optional<Response> AccessPolicy::prove(Request& request) const {
    std::string_view token = bearer_token(request);
    if (!request.header("authorization")) {
        token = cookie_token(request);
        if (token.empty()) return unproven("no-token", "send a token as Authorization: Bearer", false);
        // A browser sends the cookie whoever made the page. The router has judged the Origin, if there is
        // one.
        if (is_unsafe(request.method) && !request.header("origin") &&
            request.header("sec-fetch-site") != "same-origin")
            return Response::problem(403, "foreign-origin",
                                     "a call that changes something by a cookie must name its Origin");
    }
    if (token.empty()) return unproven("invalid-token", "send one token as Authorization: Bearer", true);
    auto proven = verify_(token);
    if (!proven && proven.error().code == auth::errc::unavailable)
        return not_yet(request, proven.error().detail);
    if (!proven) return unproven("invalid-token", proven.error().detail, true);
    request.principal = std::move(*proven);
    return std::nullopt;
}

std::string_view bearer_token(const Request& request) {
    const auto named = [](const auto& field) { return field.first == "authorization"; };
    if (std::ranges::count_if(request.headers, named) != 1) return {};
    const std::string_view value = *request.header("authorization");
    if (value.size() <= scheme.size() || !wire::equal_ignoring_case(value.substr(0, scheme.size()), scheme))
        return {};
    return wire::trim(value.substr(scheme.size()));
}

std::optional<Response> refuse_other(const Request& request, std::string_view user) {
    if (request.principal.anonymous || request.principal.subject == user) return std::nullopt;
    return Response::problem(403, "not-owner", "it belongs to another user");
}

bool may_send_for_all(const Request& request) {
    return request.principal.anonymous || request.principal.scopes.publish;
}

std::optional<Response> refuse_sender(const Request& request, std::string_view user, std::string_view field) {
    if (may_send_for_all(request) || request.principal.subject == user) return std::nullopt;
    return Response::problem(403, "not-owner", "sending for others needs the scope publish", field);
}

std::string_view user_named(const Request& request) {
    return request.parameter("userId").value_or(request.principal.subject);
}

}  // namespace stepcast::http
