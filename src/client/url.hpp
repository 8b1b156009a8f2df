#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace stepcast::client {

/// A server's address: `http://host[:port][/path][?query]`, or https.
struct Url {
    std::string host;  ///< without the brackets of an IPv6 literal
    std::uint16_t port = 80;
    std::string target = "/";  ///< path and query as they go on the request line
    bool secure = false;       ///< https
    std::string socket{};      ///< path of a local socket, asked in place of host and port; empty: none
    std::string preamble{};    ///< what a connection begins with, before TLS: a proxy's word

    /// `host:port` for the Host header, IPv6 in brackets, the scheme's own port left out.
    std::string authority() const;
    /// The target of `path` ("/api/…") on a server whose address is this one: behind its own path, so that a
    /// proxy may give a server a place below `/`. The address has no query.
    std::string target_of(std::string_view path) const;
};

/// Reads an http or https URL. A fragment is dropped.
result<Url> parse_url(std::string_view text);

/// Percent-encodes everything but RFC 3986's unreserved characters: safe as one path segment or query value.
std::string percent_encode(std::string_view text);

}  // namespace stepcast::client
