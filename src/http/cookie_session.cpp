#include "http/cookie_session.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "event/json.hpp"
#include "http/access.hpp"
#include "http/hosts.hpp"
#include "wire/chars.hpp"

namespace stepcast::http {
namespace {

/// Browsers take the first only with Secure, Path=/ and without Domain, from a secure origin.
constexpr std::string_view secure_name = "__Host-stepcast", local_name = "stepcast";
/// Browsers drop a cookie beyond 4 KiB, name and attributes included, without a word.
constexpr std::size_t max_cookie = 3800;

std::string_view cookie_of(const Request& request, std::string_view wanted) {
    for (const auto& [name, value] : request.headers) {
        if (name != "cookie") continue;
        for (std::string_view rest = value; !rest.empty();) {
            const auto end = std::min(rest.find(';'), rest.size());
            const auto pair = wire::trim(rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
            if (pair.size() > wanted.size() && pair.starts_with(wanted) && pair[wanted.size()] == '=')
                return pair.substr(wanted.size() + 1);
        }
    }
    return {};
}

std::string cookie(std::string_view name, std::string_view token, std::int64_t seconds) {
    return fmt::format("{}={}; Path=/; Max-Age={}; Secure; HttpOnly; SameSite=Lax", name, token, seconds);
}

Response ended() {
    Response response;
    response.status = 204;
    return response;
}

Response auth_is_off() {
    return Response::problem(404, "auth-off", "there is no session while auth is off");
}

Response who_calls(const auth::Principal& caller) {
    if (caller.anonymous) return auth_is_off();
    std::string body = "{\"userId\":";
    event::append_json_string(body, caller.subject);
    body += ",\"expiresAt\":";
    if (caller.expires == Timestamp::max())
        body += "null";
    else
        event::append_json_string(body, format_rfc3339(caller.expires));
    body += ",\"scopes\":[";
    if (caller.scopes.publish) body += "\"publish\"";
    if (caller.scopes.admin) body += caller.scopes.publish ? ",\"admin\"" : "\"admin\"";
    return Response::json(body += "]}");
}

Response begin(const Request& request, Timestamp now) {
    if (request.principal.anonymous) return auth_is_off();
    if (!request.principal.name.empty())
        return Response::problem(403, "no-session", "a publisher's key has no session: it is for programs");
    const auto token = bearer_token(request);
    if (token.empty())
        return Response::problem(400, "no-token", "send the token as Authorization: Bearer", "Authorization");
    const bool https = request.peer.secure;
    if (!https && !(request.is_local() && is_local_name(request.header("host").value_or(""))))
        return Response::problem(400, "insecure",
                                 "a session needs https; over plain http only localhost has one");
    if (token.size() > max_cookie)
        return Response::problem(400, "token-too-long",
                                 fmt::format("a cookie holds a token of up to {} bytes", max_cookie),
                                 "Authorization");
    const auto left =
        std::chrono::duration_cast<std::chrono::seconds>(request.principal.expires - now).count();
    return ended().with("Set-Cookie", cookie(https ? secure_name : local_name, token,
                                             std::clamp<std::int64_t>(left, 0, 31'536'000)));
}

constexpr Schema caller_schema{"Caller", R"({
  "type":"object","description":"Who calls, as its token or cookie proves.","required":["userId","expiresAt","scopes"],
  "properties":{
    "userId":{"type":"string"},
    "expiresAt":{"type":["string","null"],"format":"date-time","description":"From then on the token proves nothing; null: it does not end"},
    "scopes":{"type":"array","items":{"type":"string","enum":["publish","admin"]},"description":"By our names, whatever the token calls them"}}})"};

const RouteInfo look_info{
    .summary = "Who calls, until when and with which scopes",
    .access = Access::user,
    .answers = {{200, "As the token or the cookie proves", &caller_schema}, {404, "Auth is off"}},
};

const RouteInfo begin_info{
    .summary = "Swap the token for a cookie, for native EventSource",
    .description =
        "The cookie is HttpOnly, Secure and SameSite=Lax, and ends with the token. Calls that change "
        "something and prove themselves by it must come from a page of the same origin.",
    .access = Access::user,
    .idempotent = true,
    .answers = {{.status = 204, .meaning = "The cookie is set", .type = "", .headers = {"Set-Cookie"}},
                {400, "The token came by cookie, is longer than a cookie may be, or the page is not secure"},
                {404, "Auth is off"}},
};

const RouteInfo end_info{
    .summary = "End the session of this browser",
    .access = Access::open,
    .idempotent = true,
    .answers = {{.status = 204, .meaning = "The cookie is gone", .type = "", .headers = {"Set-Cookie"}}},
};

}  // namespace

std::string_view cookie_token(const Request& request) {
    const auto token = cookie_of(request, secure_name);
    const bool plain = request.is_local() && !request.peer.secure;
    return token.empty() && plain ? cookie_of(request, local_name) : token;
}

std::vector<Route> session_routes(const Clock& clock) {
    return {{Method::get, "/api/session",
             [](Request& request, Context) -> awaitable<Response> { co_return who_calls(request.principal); },
             look_info},
            {Method::post, "/api/session",
             [&clock](Request& request, Context) -> awaitable<Response> {
                 co_return begin(request, clock.now());
             },
             begin_info},
            {Method::del, "/api/session",
             [](Request&, Context) -> awaitable<Response> {
                 co_return ended()
                     .with("Set-Cookie", cookie(secure_name, "", 0))
                     .with("Set-Cookie", cookie(local_name, "", 0));
             },
             end_info}};
}

}  // namespace stepcast::http
