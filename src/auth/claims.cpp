#include "auth/claims.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <optional>

#include "auth/errc.hpp"
#include "auth/json.hpp"
#include "base/text.hpp"

namespace stepcast::auth {
namespace {

using boost::json::object;
using boost::json::value;

constexpr std::size_t longest_subject = 128;  // a user's id

std::string_view view(const boost::json::string& text) {
    return {text.data(), text.size()};
}

/// Null if there is none.
const value* find_claim(const object& claims, std::string_view path) {
    if (const auto* whole = claims.if_contains({path.data(), path.size()})) return whole;
    for (auto dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.', dot + 1)) {
        const auto* inner = claims.if_contains({path.data(), dot});
        if (inner == nullptr || !inner->is_object()) continue;
        if (const auto* found = find_claim(inner->get_object(), path.substr(dot + 1))) return found;
    }
    return nullptr;
}

/// Calls `visit` with each of the texts that a claim is: one, or those of an array.
template <class Visit>
void each_text(const value& claim, Visit visit) {
    if (const auto* text = claim.if_string()) visit(view(*text));
    if (const auto* array = claim.if_array())
        for (const auto& element : *array)
            if (const auto* text = element.if_string()) visit(view(*text));
}

bool any_of(const value& claim, const std::vector<std::string>& wanted) {
    bool found = false;
    each_text(claim,
              [&](std::string_view text) { found |= std::ranges::find(wanted, text) != wanted.end(); });
    return found;
}

/// Seconds since 1970, perhaps with a fraction. Empty: no number, or beyond the year 9999.
std::optional<Timestamp> read_time(const value& claim) {
    constexpr double latest = 253402300800;
    boost::json::error_code error;
    const double seconds = claim.is_number() ? claim.to_number<double>(error) : -1;
    if (error || !(seconds >= 0 && seconds < latest)) return std::nullopt;
    return Timestamp{std::chrono::milliseconds{std::llround(seconds * 1000)}};
}

result<std::optional<Timestamp>> time_claim(const object& claims, std::string_view name) {
    const auto* claim = claims.if_contains({name.data(), name.size()});
    if (claim == nullptr) return std::optional<Timestamp>{};
    const auto time = read_time(*claim);
    if (!time)
        return fail(errc::claims, {}, fmt::format("\"{}\" of the token must be seconds since 1970", name));
    return time;
}

result<void> check_issuer(const object& claims, const Settings& settings) {
    if (settings.issuers.empty()) return {};
    const auto* issuer = claims.if_contains("iss");
    if (issuer == nullptr) return fail(errc::issuer, {}, "the token names no issuer (\"iss\")");
    if (issuer->is_string() && any_of(*issuer, settings.issuers)) return {};
    return fail(errc::issuer, {},
                fmt::format("the token's issuer {} is none of ours",
                            issuer->is_string() ? shown(view(issuer->get_string())) : "is no text and"));
}

/// A token that says whom it is for is for nobody else, also where no audience is set (RFC 7519, 4.1.3).
result<void> check_audience(const object& claims, const Settings& settings) {
    const auto* audience = find_claim(claims, settings.audience_claim);
    if (audience == nullptr && settings.audiences.empty()) return {};
    if (audience == nullptr)
        return fail(errc::audience, {},
                    fmt::format("the token names no audience (\"{}\")", settings.audience_claim));
    if (any_of(*audience, settings.audiences)) return {};
    std::string named;
    each_text(*audience, [&](std::string_view text) {
        if (named.size() < 256) named += (named.empty() ? "" : ", ") + shown(text);
    });
    if (named.empty()) named = "nobody that it names as a text";
    return fail(errc::audience, {}, fmt::format("the token is for {}, which is not us", named));
}

result<std::string> read_subject(const object& claims, const Settings& settings) {
    const auto* subject = find_claim(claims, settings.subject_claim);
    if (subject == nullptr || !subject->is_string())
        return fail(
            errc::claims, {},
            fmt::format("the token has no text \"{}\", which would name the user", settings.subject_claim));
    const auto text = view(subject->get_string());
    if (text.empty() || count_code_points(text) > longest_subject || has_control(text))
        return fail(errc::claims, {},
                    fmt::format("\"{}\" of the token must have 1 to {} printable characters",
                                settings.subject_claim, longest_subject));
    return std::string{text};
}

Scopes read_scopes(const object& claims, const Settings& settings) {
    Scopes scopes;
    const auto* claim = find_claim(claims, settings.scope_claim);
    if (claim == nullptr) return scopes;
    const auto grant = [&](std::string_view scope) {
        scopes.publish |= scope == settings.publish_scope;
        scopes.admin |= scope == settings.admin_scope;
    };
    const auto* list = claim->if_string();
    if (list == nullptr) {
        each_text(*claim, grant);
        return scopes;
    }
    for (auto text = view(*list); !text.empty();) {
        const auto end = std::min(text.find(' '), text.size());
        grant(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return scopes;
}

}  // namespace

result<Claims> read_claims(std::string_view payload, const Settings& settings, Timestamp now) {
    std::array<unsigned char, 8 * 1024> buffer;
    boost::json::monotonic_resource memory{buffer.data(), buffer.size()};
    const auto claims = parse_object(payload, &memory);
    if (!claims) return fail(errc::malformed, {}, "the payload of the token is no JSON object");
    const auto expires = time_claim(*claims, "exp");
    const auto not_before = time_claim(*claims, "nbf");
    if (!expires) return tl::unexpected{expires.error()};
    if (!not_before) return tl::unexpected{not_before.error()};
    if (!*expires)
        return fail(errc::claims, {}, "the token has no end (\"exp\"), so that it could never be taken back");
    Claims read;
    read.principal.expires = **expires + settings.leeway;
    if (*not_before) read.not_before = **not_before - settings.leeway;
    if (now >= read.principal.expires)
        return fail(errc::expired, {}, fmt::format("the token expired at {}", format_rfc3339(**expires)));
    if (now < read.not_before)
        return fail(errc::not_yet_valid, {},
                    fmt::format("the token is not valid before {}", format_rfc3339(**not_before)));
    if (auto checked = check_issuer(*claims, settings); !checked) return tl::unexpected{checked.error()};
    if (auto checked = check_audience(*claims, settings); !checked) return tl::unexpected{checked.error()};
    auto subject = read_subject(*claims, settings);
    if (!subject) return tl::unexpected{subject.error()};
    read.principal.subject = std::move(*subject);
    read.principal.scopes = read_scopes(*claims, settings);
    read.principal.anonymous = false;
    return read;
}

}  // namespace stepcast::auth
