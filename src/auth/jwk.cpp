#include "auth/jwk.hpp"

#include <fmt/format.h>
#include <openssl/core_names.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include "auth/base64url.hpp"
#include "auth/errc.hpp"
#include "auth/json.hpp"

namespace stepcast::auth {
namespace {

using boost::json::object;

std::string_view text_of(const object& jwk, std::string_view name) {
    const auto* text = text_member(jwk, name);
    return text == nullptr ? std::string_view{} : std::string_view{text->data(), text->size()};
}

/// The member's bytes; empty if it is absent or not base64url.
std::string bytes_member(const object& jwk, std::string_view name) {
    return decode_base64url(text_of(jwk, name)).value_or("");
}

OwnedPkey build(const char* kind, OSSL_PARAM_BLD* parts) {
    const OwnedParams params{OSSL_PARAM_BLD_to_param(parts)};
    const OwnedPkeyContext context{EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr)};
    EVP_PKEY* pkey = nullptr;
    if (EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &pkey, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
        return nullptr;
    return OwnedPkey{pkey};
}

OwnedPkey rsa_key(const object& jwk) {
    const auto number = [&](std::string_view name) {
        const auto bytes = bytes_member(jwk, name);
        return OwnedNumber{BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr)};
    };
    const OwnedNumber modulus = number("n");
    const OwnedNumber exponent = number("e");
    const OwnedParamBuilder parts{OSSL_PARAM_BLD_new()};
    OSSL_PARAM_BLD_push_BN(parts.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
    OSSL_PARAM_BLD_push_BN(parts.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
    return build("RSA", parts.get());
}

/// `half`: bytes of a coordinate, which must be whole (RFC 7518, section 6.2.1.2).
OwnedPkey curve_key(const object& jwk, const char* group, std::size_t half) {
    const auto x = bytes_member(jwk, "x");
    const auto y = bytes_member(jwk, "y");
    if (x.size() != half || y.size() != half) return nullptr;
    const std::string point = "\x04" + x + y;
    const OwnedParamBuilder parts{OSSL_PARAM_BLD_new()};
    OSSL_PARAM_BLD_push_utf8_string(parts.get(), OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
    OSSL_PARAM_BLD_push_octet_string(parts.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
    auto pkey = build("EC", parts.get());
    if (!pkey) return nullptr;
    const OwnedPkeyContext context{EVP_PKEY_CTX_new_from_pkey(nullptr, pkey.get(), nullptr)};
    return EVP_PKEY_public_check(context.get()) == 1 ? std::move(pkey) : nullptr;
}

OwnedPkey edwards_key(const object& jwk) {
    const auto x = bytes_member(jwk, "x");
    return OwnedPkey{EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(x), x.size())};
}

enum class Kind : std::uint8_t { unknown, secret, rsa, p256, p384, p521, ed25519 };

Kind kind_of(const object& jwk) {
    const auto type = text_of(jwk, "kty");
    const auto curve = text_of(jwk, "crv");
    if (type == "oct") return Kind::secret;
    if (type == "RSA") return Kind::rsa;
    if (type == "EC" && curve == "P-256") return Kind::p256;
    if (type == "EC" && curve == "P-384") return Kind::p384;
    if (type == "EC" && curve == "P-521") return Kind::p521;
    if (type == "OKP" && curve == "Ed25519") return Kind::ed25519;
    return Kind::unknown;
}

bool is_for_signatures(const object& jwk) {
    if (const auto use = text_of(jwk, "use"); !use.empty() && use != "sig") return false;
    const auto* operations = jwk.if_contains("key_ops");
    if (operations == nullptr || !operations->is_array()) return true;
    return std::ranges::any_of(operations->get_array(), [](const boost::json::value& operation) {
        return operation == "verify" || operation == "sign";
    });
}

/// What the JWK's `alg` says, in the spelling of RFC 9864 too; empty for an algorithm that is not ours.
std::optional<Algorithm> named_algorithm(std::string_view name) {
    return name == "Ed25519" ? Algorithm::eddsa : parse_algorithm(name);
}

result<Key> make_key(const object& jwk, Kind kind) {
    if (kind == Kind::secret) return Key::from_secret(bytes_member(jwk, "k"));
    OwnedPkey pkey = kind == Kind::rsa    ? rsa_key(jwk)
                     : kind == Kind::p256 ? curve_key(jwk, "prime256v1", 32)
                     : kind == Kind::p384 ? curve_key(jwk, "secp384r1", 48)
                     : kind == Kind::p521 ? curve_key(jwk, "secp521r1", 66)
                                          : edwards_key(jwk);
    if (!pkey) return fail(errc::bad_key, {}, "its numbers are missing, not base64url, or no key");
    return Key::from_pkey(std::move(pkey));
}

result<void> add_key(std::vector<Key>& keys, const object& jwk) {
    const Kind kind = kind_of(jwk);
    const auto name = text_of(jwk, "alg");
    const auto algorithm = named_algorithm(name);
    if (kind == Kind::unknown || !is_for_signatures(jwk) || (!name.empty() && !algorithm)) return {};
    const auto id = text_of(jwk, "kid");
    auto key = make_key(jwk, kind);
    if (key && algorithm && !key->narrow(*algorithm))
        key = fail(errc::bad_key, {},
                   fmt::format("it says {}, and can do {}", name_of(*algorithm), key->algorithms().text()));
    if (!key)
        return fail(
            errc::bad_key, {},
            fmt::format("the key {}: {}", id.empty() ? "without a kid" : shown(id), key.error().detail));
    key->id = id;
    key->id_binds = !id.empty();
    keys.push_back(std::move(*key));
    return {};
}

/// `add` takes each key, or says why the set cannot be used.
template <class Add>
result<std::vector<Key>> parse_set(std::string_view json, Add add) {
    const QuietErrors quiet;
    const auto parsed = parse_object(json);
    if (!parsed) return fail(errc::bad_file, {}, "it is no JSON object");
    std::vector<Key> keys;
    const auto* set = parsed->if_contains("keys");
    if (set == nullptr) {
        if (auto added = add(keys, *parsed); !added) return tl::unexpected{added.error()};
    } else if (!set->is_array()) {
        return fail(errc::bad_file, {}, "its \"keys\" must be an array");
    } else {
        for (const auto& entry : set->get_array())
            if (const auto* jwk = entry.if_object())
                if (auto added = add(keys, *jwk); !added) return tl::unexpected{added.error()};
    }
    if (keys.empty()) return fail(errc::bad_file, {}, "it holds no key for signatures that we can use");
    return keys;
}

}  // namespace

result<std::vector<Key>> parse_jwks(std::string_view json) {
    return parse_set(json, add_key);
}

result<std::vector<Key>> parse_fetched_jwks(std::string_view json) {
    return parse_set(json, [](std::vector<Key>& keys, const object& jwk) -> result<void> {
        if (kind_of(jwk) != Kind::secret) (void)add_key(keys, jwk);
        return {};
    });
}

}  // namespace stepcast::auth
