// Any bytes as a client's Cookie and Authorization lines: what is taken for its token stands there under the
// right name, and proves somebody only as it stands. The first byte says where the client is; lines are
// Cookie, Cookie, Authorization.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http/access.hpp"
#include "http/cookie_session.hpp"
#include "wire/chars.hpp"

namespace {

using namespace stepcast;

void demand(bool holds) {
    if (!holds) std::abort();
}

http::Request request_of(std::string_view bytes, http::Method method) {
    http::Request request;
    request.method = method;
    request.headers.emplace_back("host", "localhost");
    request.peer.secure = !bytes.empty() && bytes[0] % 2 == 0;
    if (!bytes.empty()) bytes.remove_prefix(1);
    for (const auto* name : {"cookie", "cookie", "authorization"}) {
        const auto end = std::min(bytes.find('\n'), bytes.size());
        if (end != 0) request.headers.emplace_back(name, bytes.substr(0, end));
        bytes.remove_prefix(std::min(end + 1, bytes.size()));
    }
    return request;
}

/// It stands in a Cookie line behind one of the names, alone.
bool stands(const http::Request& request, std::string_view token) {
    for (const auto& [name, value] : request.headers) {
        if (name != "cookie") continue;
        const std::less_equal<const char*> before;
        const std::string_view line = value;
        if (!before(line.data(), token.data()) ||
            !before(token.data() + token.size(), line.data() + line.size()))
            continue;
        const auto ahead = line.substr(0, static_cast<std::size_t>(token.data() - line.data()));
        const auto behind = line.substr(ahead.size() + token.size());
        const auto pair = ahead.substr(ahead.rfind(';') + 1);
        const auto cookie = wire::trim(pair);
        return (cookie == "__Host-stepcast=" || (cookie == "stepcast=" && request.is_local())) &&
               (wire::trim(behind).empty() || wire::trim(behind)[0] == ';');
    }
    return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    std::string asked;
    const http::AccessPolicy policy{[&asked](std::string_view token) -> result<auth::Principal> {
        asked = token;
        return auth::Principal{.subject = std::string{token}, .anonymous = false};
    }};
    auto request = request_of(bytes, http::Method::get);
    const auto cookie = http::cookie_token(request);
    const auto bearer = http::bearer_token(request);
    demand(cookie.empty() || (stands(request, cookie) && cookie.find(';') == cookie.npos));
    demand(bearer == wire::trim(bearer));
    const bool by_header = request.header("authorization").has_value();
    const std::string wanted{by_header ? bearer : cookie};
    demand(policy.judge(http::Access::user, request).has_value() == wanted.empty());
    demand(asked == wanted && request.principal.subject == wanted);
    // By a cookie alone nothing is changed for a page that does not say where it is from.
    auto write = request_of(bytes, http::Method::post);
    demand(policy.judge(http::Access::user, write).has_value() == (!by_header || wanted.empty()));
    return 0;
}
