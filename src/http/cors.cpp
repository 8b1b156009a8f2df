#include "http/cors.hpp"

#include <algorithm>

#include "wire/chars.hpp"

namespace stepcast::http {
namespace {

/// Browsers leave the default port out of Origin, other clients may leave it in Host.
std::string_view without_default_port(std::string_view authority) {
    if (authority.ends_with(":80")) authority.remove_suffix(3);
    return authority;
}

bool is_own(std::string_view origin, const Request& request) {
    constexpr std::string_view scheme = "http://";
    const auto host = request.header("host");
    return host && origin.starts_with(scheme) &&
           wire::equal_ignoring_case(without_default_port(origin.substr(scheme.size())),
                                     without_default_port(*host));
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
    request.answer_headers.emplace_back(
        "Access-Control-Expose-Headers",
        "ETag, Link, Location, Retry-After, Stepcast-Position, Idempotency-Replayed");
}

bool CorsPolicy::allows(const Request& request) const {
    return std::ranges::all_of(request.headers, [&](const auto& field) {
        return field.first != "origin" || lists(field.second) || is_own(field.second, request);
    });
}

void CorsPolicy::answer_preflight(const Request& request, std::string_view allowed_methods,
                                  Response& response) const {
    const auto origin = request.header("origin");
    if (!origin || !request.header("access-control-request-method") || !lists(*origin)) return;
    response.with("Access-Control-Allow-Methods", std::string{allowed_methods});
    response.with("Access-Control-Allow-Headers", "Content-Type, Last-Event-ID, Idempotency-Key");
    response.with("Access-Control-Max-Age", "600");
}

}  // namespace stepcast::http
