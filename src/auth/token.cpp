#include "auth/token.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>
#include <cctype>

#include "auth/base64url.hpp"
#include "auth/errc.hpp"
#include "auth/json.hpp"

namespace stepcast::auth {
namespace {

// Anybody may send a header, and it is read before anything is verified.
constexpr std::size_t most_header_bytes = 1024;

constexpr std::array<std::string_view, 6> refused_members{"crit", "jwk", "jku", "x5u", "x5c", "b64"};
// Types of tokens for other purposes (logout, DPoP, events) must not pass for access tokens (RFC 8725, 3.11).
constexpr std::array<std::string_view, 3> types{"jwt", "at+jwt", "application/at+jwt"};

bool is_access_type(std::string_view type) {
    return std::ranges::any_of(types, [&](std::string_view known) {
        return std::ranges::equal(known, type, {}, {}, [](unsigned char c) { return std::tolower(c); });
    });
}

result<void> read_header(Token& token) {
    std::array<unsigned char, 4 * most_header_bytes> buffer;
    boost::json::monotonic_resource memory{buffer.data(), buffer.size()};
    if (token.header.size() > most_header_bytes)
        return fail(errc::malformed, {},
                    fmt::format("the header of a token has at most {} bytes", most_header_bytes));
    const auto header = parse_object(token.header, &memory);
    if (!header) return fail(errc::malformed, {}, "the header of the token is no JSON object");
    for (const auto name : refused_members)
        if (header->contains({name.data(), name.size()}))
            return fail(errc::refused_header, {},
                        fmt::format("a token with \"{}\" in its header is refused", name));
    const auto* algorithm = text_member(*header, "alg");
    if (algorithm == nullptr) return fail(errc::malformed, {}, "the header of the token has no \"alg\"");
    token.algorithm.assign(algorithm->data(), algorithm->size());
    if (const auto* type = header->if_contains("typ")) {
        const auto* text = type->if_string();
        if (text == nullptr || !is_access_type({text->data(), text->size()}))
            return fail(
                errc::refused_header, {},
                fmt::format("the type of the token must be JWT or at+jwt, not {}",
                            shown(text == nullptr ? "" : std::string_view{text->data(), text->size()})));
    }
    if (const auto* key = header->if_contains("kid")) {
        const auto* text = key->if_string();
        if (text == nullptr) return fail(errc::malformed, {}, "the \"kid\" of the token is no text");
        token.key.emplace(text->data(), text->size());
    }
    return {};
}

}  // namespace

result<Token> read_token(std::string_view text) {
    if (text.size() > most_token_bytes)
        return fail(errc::malformed, {}, fmt::format("a token has at most {} bytes", most_token_bytes));
    const auto dots = std::ranges::count(text, '.');
    if (dots == 4) return fail(errc::malformed, {}, "encrypted tokens (JWE) are not taken");
    if (dots != 2) return fail(errc::malformed, {}, "a token has three parts with dots between them");
    const auto first = text.find('.');
    const auto last = text.rfind('.');
    Token token;
    token.signed_part = text.substr(0, last);
    token.payload = text.substr(first + 1, last - first - 1);
    auto header = decode_base64url(text.substr(0, first));
    auto signature = decode_base64url(text.substr(last + 1));
    if (!header || !signature)
        return fail(errc::malformed, {}, "the parts of a token must be base64url without padding");
    token.header = std::move(*header);
    token.signature = std::move(*signature);
    if (auto read = read_header(token); !read) return tl::unexpected{std::move(read.error())};
    return token;
}

result<std::string> make_token(const Key& key, Algorithm algorithm, std::string_view payload) {
    boost::json::object header{{"alg", name_of(algorithm)}, {"typ", "JWT"}};
    if (!key.id.empty()) header["kid"] = key.id;
    std::string token = encode_base64url(boost::json::serialize(header)) + '.' + encode_base64url(payload);
    const auto signature = key.sign(algorithm, token);
    if (!signature) return tl::unexpected{signature.error()};
    return token + '.' + encode_base64url(*signature);
}

}  // namespace stepcast::auth
