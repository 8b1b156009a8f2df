#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stepcast::wire {

/// A request target (RFC 9112 §3.2) taken apart and percent-decoded; all text is valid UTF-8 without control
/// characters.
struct Target {
    std::string path;  ///< begins with '/', or is "*" for `OPTIONS *`
    /// Offsets in `path` of each '/' that came as %2F: part of its segment, not a separator. Nearly always
    /// empty.
    std::vector<std::uint32_t> escaped_slashes;
    std::vector<std::pair<std::string, std::string>>
        query;              ///< in order, at most 100; "a" without '=' has an empty value
    std::string authority;  ///< of an absolute-form target, else empty
};

/// Reads a target in origin, absolute or asterisk form. Returns what is wrong with it, nullptr if nothing is.
/// Bytes from 0x80 may stand unescaped (curl sends them so); '+' in a query is a space.
const char* parse_target(std::string_view text, bool is_options, Target& out);

/// Appends `text` percent-decoded. Returns what is wrong, nullptr if nothing is. UTF-8 is left to the caller
/// to check.
const char* percent_decode(std::string_view text, bool plus_is_space, std::string& out);

/// Appends `text` with everything but RFC 3986 unreserved characters escaped: one path segment or query
/// value.
void append_percent_encoded(std::string& out, std::string_view text);

/// True for `uri-host [":" port]` (RFC 3986 §3.2) with a non-empty host and without user information.
bool valid_authority(std::string_view text);

}  // namespace stepcast::wire
