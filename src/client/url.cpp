#include "client/url.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "client/errc.hpp"

namespace stepcast::client {
namespace {

bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

/// A byte that would end the request line or a header early.
bool breaks_a_line(char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == 0x7f;
}

bool starts_with_scheme(std::string_view text, std::string_view scheme) {
    return text.size() >= scheme.size() &&
           std::equal(scheme.begin(), scheme.end(), text.begin(),
                      [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b + 32 : b); });
}

tl::unexpected<Error> bad(std::string detail) {
    return fail(errc::bad_url, "url", std::move(detail));
}

std::uint16_t default_port(bool secure) {
    return secure ? 443 : 80;
}

}  // namespace

std::string Url::authority() const {
    std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
    if (port != default_port(secure)) append_number(out.append(":"), port);
    return out;
}

std::string Url::target_of(std::string_view path) const {
    std::string_view base = target;
    while (base.ends_with('/')) base.remove_suffix(1);
    return std::string{base}.append(path);
}

result<Url> parse_url(std::string_view text) {
    constexpr std::string_view plain = "http://", secure = "https://";
    Url url;
    url.secure = starts_with_scheme(text, secure);
    url.port = default_port(url.secure);
    if (!url.secure && !starts_with_scheme(text, plain)) return bad("a URL begins with http:// or https://");
    if (std::any_of(text.begin(), text.end(), breaks_a_line))
        return bad("a URL has no spaces or control characters");
    text.remove_prefix(url.secure ? secure.size() : plain.size());
    text = text.substr(0, text.find('#'));

    const auto path = std::min(text.find_first_of("/?"), text.size());
    std::string_view authority = text.substr(0, path);
    if (authority.find('@') != authority.npos) return bad("user names in URLs are not supported");

    if (path < text.size()) url.target = (text[path] == '?' ? "/" : "") + std::string{text.substr(path)};
    std::string_view port;
    if (authority.starts_with('[')) {
        const auto close = authority.find(']');
        if (close == authority.npos) return bad("the IPv6 address has no closing bracket");
        url.host = authority.substr(1, close - 1);
        port = authority.substr(close + 1);
        if (!port.empty() && port.front() != ':') return bad("only a port may follow the host");
    } else {
        const auto colon = std::min(authority.find(':'), authority.size());
        url.host = authority.substr(0, colon);
        port = authority.substr(colon);
    }
    if (url.host.empty()) return bad("the URL names no host");
    if (port.size() > 1) {
        const auto number = parse_number<std::uint16_t>(port.substr(1));
        if (!number || *number == 0) return bad("the port is a number from 1 to 65535");
        url.port = *number;
    }
    return url;
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        if (is_unreserved(c)) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += hex[byte >> 4];
        out += hex[byte & 15];
    }
    return out;
}

}  // namespace stepcast::client
