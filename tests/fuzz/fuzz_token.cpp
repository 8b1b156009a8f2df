// Any bytes as a token, and as the payload of one that our key signed: refused, or what is said of its bearer
// holds.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "auth/base64url.hpp"
#include "auth/claims.hpp"
#include "auth/key_set.hpp"
#include "auth/token.hpp"
#include "base/text.hpp"

namespace {

using namespace stepcast;

const auth::KeySet& keys() {
    static const auth::KeySet set = [] {
        std::vector<auth::Key> one;
        one.push_back(std::move(*auth::Key::from_secret(std::string(64, 's'))));
        return auth::KeySet{auth::shared(std::move(one))};
    }();
    return set;
}

void as_token(std::string_view bytes) {
    const auto token = auth::read_token(bytes);
    if (!token) {
        if (token.error().detail.empty() || !valid_utf8(token.error().detail)) std::abort();
        return;
    }
    if (bytes.size() > auth::most_token_bytes) std::abort();
    // One text for each value: nobody can change a token and keep its meaning.
    if (std::string{token->signed_part} + '.' + auth::encode_base64url(token->signature) != bytes)
        std::abort();
    const auto verified = keys().verify(*token);
    if (verified || !valid_utf8(verified.error().detail)) std::abort();
}

void as_payload(std::string_view bytes) {
    constexpr Timestamp now{std::chrono::milliseconds{1'800'000'000'000}};
    const auto claims = auth::read_claims(bytes, {.scope_claim = "realm_access.roles"}, now);
    if (!claims) {
        if (claims.error().detail.empty() || !valid_utf8(claims.error().detail)) std::abort();
        return;
    }
    const auto& principal = claims->principal;
    if (principal.anonymous || principal.subject.empty() || has_control(principal.subject)) std::abort();
    if (principal.expires <= now || claims->not_before > now) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    as_token(bytes);
    as_payload(bytes);
    return 0;
}
