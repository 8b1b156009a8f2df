#include "http/cors.hpp"

#include <algorithm>

#include "wire/chars.hpp"

namespace stepcast::http {
namespace {

/// Browsers leave the default port out of Origin, other clients may leave it in Host.
std::string_view without_port(std::string_view authority, std::string_view port) {
    if (authority.ends_with(port)) authority.remove_suffix(port.size());
    return authority;
}

/// Over https of that scheme only. Else of either: a proxy that nobody declared may end TLS.
bool names_our_host(std::string_view origin, const Request& request) {
    const auto host = request.header("host");
    const auto named = [&](std::string_view scheme, std::string_view port) {
        return host && origin.starts_with(scheme) &&
               wire::equal_ignoring_case(without_port(origin.substr(scheme.size()), port),
                                         without_port(*host, port));
    };
    return named("https://", ":443") || (!request.peer.secure && named("http://", ":80"));
}

/// What the browser itself says, which no page can make it say: true also where a proxy rewrote Host. A page
/// whose name was made to resolve to us says it too; it is HostPolicy that turns that one away.
bool is_of_same_origin(const Request& request) {
    return request.header("sec-fetch-site") == "same-origin";
}

}  // namespace

bool is_unsafe(Method method) {
    return method != Method::get && method != Method::head && method != Method::options;
}

bool CorsPolicy::lists(std::string_view origin) const {
    return std::ranges::find(origins_, origin) != origins_.end();
}

void CorsPolicy::prepare(Request& request) const {
    if (origins_.empty()) return;
    request.answer_headers.emplace_back("Vary", "Origin");
    const auto origin = request.header("origin");
    if (!origin || !lists(*origin)) return;
    request.answer_headers.emplace_back("Access-Control-Allow-Origin", *origin);
    request.answer_headers.emplace_back("Access-Control-Allow-Credentials", "true");
    request.answer_headers.emplace_back(
        "Access-Control-Expose-Headers",
        "ETag, Link, Location, Retry-After, Stepcast-Position, Idempotency-Replayed, WWW-Authenticate");
}

bool CorsPolicy::allows(const Request& request) const {
    return is_of_same_origin(request) || std::ranges::all_of(request.headers, [&](const auto& field) {
               return field.first != "origin" || lists(field.second) || names_our_host(field.second, request);
           });
}

void CorsPolicy::answer_preflight(const Request& request, std::string_view allowed_methods,
                                  Response& response) const {
    const auto origin = request.header("origin");
    if (!origin || !request.header("access-control-request-method") || !lists(*origin)) return;
    response.with("Access-Control-Allow-Methods", std::string{allowed_methods});
    response.with("Access-Control-Allow-Headers",
                  "Content-Type, Last-Event-ID, Idempotency-Key, Authorization, If-Match, traceparent, "
                  "Cache-Control");
    response.with("Access-Control-Max-Age", "600");
}

}  // namespace stepcast::http
