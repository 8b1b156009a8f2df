#include "http/router.hpp"

#include <algorithm>
#include <span>
#include <stdexcept>

#include "http/conditions.hpp"

namespace stepcast::http {
namespace {

constexpr std::size_t max_segments = 16;
constexpr std::string_view all_methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

bool is_parameter(std::string_view segment) {
    return segment.starts_with('{');
}
std::string_view name_of(std::string_view segment) {
    return segment.substr(1, segment.size() - 2);
}

/// Cuts at every '/' that is a separator; `escaped` are the places of those that are not, rising. False
/// beyond `max_segments`.
bool split(std::string_view path, std::span<const std::uint32_t> escaped,
           std::array<std::string_view, max_segments>& out, std::size_t& count) {
    std::size_t start = 1;
    for (std::size_t i = 1; i <= path.size(); ++i) {
        if (i != path.size() && path[i] != '/') continue;
        if (!escaped.empty() && escaped.front() == i) {
            escaped = escaped.subspan(1);
            continue;
        }
        if (count == max_segments) return false;
        out[count++] = path.substr(start, i - start);
        start = i + 1;
    }
    return true;
}

bool matches(std::span<const std::string> pattern, std::span<const std::string_view> path) {
    return std::ranges::equal(pattern, path, [](std::string_view wanted, std::string_view is) {
        return is_parameter(wanted) ? !is.empty() : wanted == is;
    });
}

}  // namespace

Router::Router(const ServerOptions& options)
    : proxies_{options.proxies}, hsts_{options.hsts}, cors_{options.cors_origins} {}

void Router::add(Route route) {
    Endpoint& endpoint = endpoint_of(route.pattern);
    const Route*& row = endpoint.rows[static_cast<std::size_t>(route.method)];
    if (row != nullptr) throw std::invalid_argument{"two handlers for " + route.pattern};
    endpoint.any_host = endpoint.any_host || route.info.any_host;
    row = &table_.emplace_back(std::move(route));
    endpoint.allow.clear();
    for (std::size_t m = 0; m < wire::method_count; ++m) {
        const auto method = static_cast<Method>(m);
        if (endpoint.row_of(method) == nullptr) continue;
        endpoint.allow.append(wire::method_name(method)).append(", ");
    }
    if (endpoint.row_of(Method::options) == nullptr)
        endpoint.allow += "OPTIONS";
    else
        endpoint.allow.resize(endpoint.allow.size() - 2);
}

const Route* Router::Endpoint::row_of(Method method) const {
    const Route* row = rows[static_cast<std::size_t>(method)];
    return row == nullptr && method == Method::head ? rows[static_cast<std::size_t>(Method::get)] : row;
}

void Router::add(std::vector<Route> routes) {
    for (Route& route : routes) add(std::move(route));
}

Router::Endpoint& Router::endpoint_of(const std::string& pattern) {
    if (const auto known = by_pattern_.find(pattern); known != by_pattern_.end()) return *known->second;
    std::array<std::string_view, max_segments> segments;
    std::size_t count = 0;
    if (!pattern.starts_with('/') || !split(pattern, {}, segments, count))
        throw std::invalid_argument{"bad pattern " + pattern};
    Endpoint& endpoint = endpoints_.emplace_back(pattern);
    endpoint.segments.assign(segments.begin(), segments.begin() + count);
    bool parameters = false;
    for (const std::string& segment : endpoint.segments) {
        if (!is_parameter(segment)) continue;
        if (segment.size() < 3 || !segment.ends_with('}'))
            throw std::invalid_argument{"bad pattern " + pattern};
        parameters = true;
    }
    by_pattern_.emplace(pattern, &endpoint);
    if (parameters) with_parameters_.push_back(&endpoint);
    return endpoint;
}

const Router::Endpoint* Router::find(Request& request) const {
    // A path with braces in it may equal a pattern, but not mean it.
    if (request.escaped_slashes.empty())
        if (const auto exact = by_pattern_.find(request.path);
            exact != by_pattern_.end() && request.path.find('{') == std::string::npos)
            return exact->second;
    std::array<std::string_view, max_segments> segments;
    std::size_t count = 0;
    if (!split(request.path, request.escaped_slashes, segments, count)) return nullptr;
    for (const Endpoint* endpoint : with_parameters_) {
        if (!matches(endpoint->segments, std::span{segments}.first(count))) continue;
        for (std::size_t i = 0; i < count; ++i)
            if (is_parameter(endpoint->segments[i]))
                request.path_parameters.emplace_back(name_of(endpoint->segments[i]), segments[i]);
        return endpoint;
    }
    return nullptr;
}

Response Router::options(const Request& request, std::string_view allow) const {
    Response response;
    response.status = 204;
    response.with("Allow", std::string{allow});
    cors_.answer_preflight(request, allow, response);
    return response;
}

std::optional<Response> Router::prepare(Request& request) const {
    std::optional<Response> refusal;
    if (auto client = proxies_.client_of(request.peer, request.headers))
        request.peer = *std::move(client);
    else
        refusal = Response::problem(400, "malformed-proxy-header", client.error(), proxies_.field_name());
    if (hsts_.count() > 0 && request.peer.secure)
        request.answer_headers.emplace_back("Strict-Transport-Security",
                                            "max-age=" + std::to_string(hsts_.count()));
    cors_.prepare(request);
    return refusal;
}

Match Router::route(Request& request) const {
    if (auto refusal = prepare(request)) {
        refusal->close = true;  // the proxy's own fault, which it may repeat
        return {.answer = std::move(refusal), .stats = &refused_};
    }
    const Endpoint* endpoint = find(request);
    RequestStats* stats = endpoint != nullptr ? &endpoint->stats : &unmatched_;
    if (!hosts_.admits(request) && (endpoint == nullptr || !endpoint->any_host))
        return {.answer = Response::problem(421, "misdirected",
                                            "this server does not answer under that name; see http.hosts"),
                .stats = stats};
    if (request.path == "*") return {.answer = options(request, all_methods), .stats = &unmatched_};
    if (is_unsafe(request.method) && !cors_.allows(request))
        return {.answer = Response::problem(403, "foreign-origin",
                                            "pages of this origin may not call; see http.cors_origins"),
                .stats = stats};
    if (endpoint == nullptr)
        return {.answer = Response::problem(404, "not-found", "there is nothing at this path"),
                .stats = stats};
    if (const Route* row = endpoint->row_of(request.method)) {
        if (auto refusal = access_.judge(row->info.access, request, hosts_))
            return {.answer = std::move(refusal), .stats = stats, .info = &row->info};
        if (is_unsafe(request.method))
            if (auto refusal = refuse_coded(request))
                return {.answer = std::move(refusal), .stats = stats, .info = &row->info};
        return {.handler = &row->handler, .stats = stats, .info = &row->info};
    }
    if (request.method == Method::options)
        return {.answer = options(request, endpoint->allow), .stats = stats};
    return {.answer = Response::problem(405, "method-not-allowed", "this path does not take that method")
                          .with("Allow", endpoint->allow),
            .stats = stats};
}

std::vector<const RequestStats*> Router::stats() const {
    std::vector<const RequestStats*> all{&unmatched_, &refused_};
    for (const Endpoint& endpoint : endpoints_) all.push_back(&endpoint.stats);
    return all;
}

}  // namespace stepcast::http
