#include "auth/key.hpp"

#include <gmock/gmock.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "unit/auth/auth_fixture.hpp"
#include "unit/auth/vectors.hpp"

namespace stepcast::auth {
namespace {

using ::testing::HasSubstr;

constexpr Algorithm every[]{Algorithm::hs256, Algorithm::hs384, Algorithm::hs512,
                            Algorithm::rs256, Algorithm::ps256, Algorithm::es256,
                            Algorithm::es384, Algorithm::es512, Algorithm::eddsa};

Key only_key(std::string_view jwk) {
    auto keys = parse_jwks(jwk);
    EXPECT_TRUE(keys) << keys.error().detail;
    return std::move(keys.value().at(0));
}

std::string why_no_keys(std::string_view jwks) {
    const auto keys = parse_jwks(jwks);
    return keys ? "keys" : keys.error().detail;
}

std::string pem_of(EVP_PKEY* pkey) {
    const OwnedBio bio{BIO_new(BIO_s_mem())};
    PEM_write_bio_PUBKEY(bio.get(), pkey);
    char* text = nullptr;
    const auto size = BIO_get_mem_data(bio.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

std::string certificate_of(EVP_PKEY* pkey) {
    const OwnedCertificate certificate{X509_new()};
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 60);
    X509_set_pubkey(certificate.get(), pkey);
    X509_sign(certificate.get(), pkey, EVP_sha256());
    const OwnedBio bio{BIO_new(BIO_s_mem())};
    PEM_write_bio_X509(bio.get(), certificate.get());
    char* text = nullptr;
    const auto size = BIO_get_mem_data(bio.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

TEST(Key, verifies_what_the_rfcs_signed_and_nothing_near_it) {
    for (const auto& vector : vectors) {
        const auto key = only_key(vector.key);
        const auto token = read_token(vector.token);
        ASSERT_TRUE(token) << vector.source;
        EXPECT_EQ(token->algorithm, name_of(vector.algorithm));
        EXPECT_TRUE(key.verify(vector.algorithm, token->signed_part, token->signature)) << vector.source;
        std::string input{token->signed_part};
        input.back() ^= 1;
        EXPECT_FALSE(key.verify(vector.algorithm, input, token->signature)) << vector.source;
        for (std::size_t at = 0; at < token->signature.size(); ++at) {
            auto signature = token->signature;
            signature[at] ^= 1;
            EXPECT_FALSE(key.verify(vector.algorithm, token->signed_part, signature)) << vector.source << at;
        }
        for (const auto& signature : {std::string{}, token->signature.substr(1), token->signature + '\0'})
            EXPECT_FALSE(key.verify(vector.algorithm, token->signed_part, signature)) << vector.source;
    }
}

TEST(Key, takes_only_the_algorithms_that_it_is_made_for) {
    for (const auto made_for : every) {
        const Key& key = signing_key(made_for);
        for (const auto algorithm : every) {
            const auto signature = key.sign(algorithm, "text");
            EXPECT_EQ(signature.has_value(), key.algorithms().has(algorithm));
            EXPECT_EQ(signature && key.verify(algorithm, "text", *signature), signature.has_value());
        }
    }
    EXPECT_EQ(signing_key(Algorithm::rs256).algorithms().text(), "RS256 or PS256");
    EXPECT_EQ(signing_key(Algorithm::es384).algorithms().text(), "ES384");
}

TEST(Key, a_signature_of_one_rsa_scheme_is_none_of_the_other) {
    const Key& key = signing_key(Algorithm::rs256);
    EXPECT_FALSE(key.verify(Algorithm::ps256, "text", *key.sign(Algorithm::rs256, "text")));
    EXPECT_FALSE(key.verify(Algorithm::rs256, "text", *key.sign(Algorithm::ps256, "text")));
}

TEST(Key, an_ecdsa_signature_in_der_is_refused) {
    const Key& key = signing_key(Algorithm::es256);
    const auto raw = *key.sign(Algorithm::es256, "text");
    EXPECT_EQ(raw.size(), 64u);
    const std::string zero(64, '\0');
    EXPECT_FALSE(key.verify(Algorithm::es256, "text", zero));
    EXPECT_FALSE(key.verify(Algorithm::es256, "text", "\x30\x44" + raw));
}

TEST(Key, a_public_key_never_serves_as_a_secret) {
    const auto pem = make_key(Algorithm::es256).open;
    const auto key = parse_pem(pem);
    ASSERT_TRUE(key);
    for (const auto algorithm : {Algorithm::hs256, Algorithm::hs384, Algorithm::hs512}) {
        const auto forged = Key::from_secret(pem)->sign(algorithm, "text");
        EXPECT_FALSE(key->verify(algorithm, "text", *forged));
    }
}

TEST(Key, refuses_rsa_below_2048_bits) {
    const auto small = Key::from_pkey(OwnedPkey{EVP_RSA_gen(1024)});
    ASSERT_FALSE(small);
    EXPECT_EQ(small.error().code, errc::bad_key);
    EXPECT_THAT(small.error().detail, HasSubstr("this one has 1024"));
    EXPECT_TRUE(Key::from_pkey(OwnedPkey{EVP_RSA_gen(2048)}));
}

TEST(Key, refuses_an_rsa_exponent_of_one) {
    const auto modulus = encode_base64url(std::string(256, '\xFF'));
    EXPECT_THAT(why_no_keys(R"({"kty":"RSA","kid":"k","e":"AQ","n":")" + modulus + "\"}"),
                HasSubstr("exponent"));
}

TEST(Key, refuses_secrets_shorter_than_their_hash) {
    EXPECT_THAT(Key::from_secret(std::string(31, 's')).error().detail, HasSubstr("at least 32 bytes"));
    EXPECT_EQ(Key::from_secret(std::string(32, 's'))->algorithms().text(), "HS256");
    EXPECT_EQ(Key::from_secret(std::string(48, 's'))->algorithms().text(), "HS256 or HS384");
    const auto secret = encode_base64url(std::string(32, 's'));
    EXPECT_THAT(why_no_keys(R"({"kty":"oct","kid":"k","alg":"HS512","k":")" + secret + "\"}"),
                HasSubstr("the key \"k\": it says HS512, and can do HS256"));
}

TEST(Key, refuses_curves_and_kinds_that_no_algorithm_uses) {
    EXPECT_THAT(parse_pem(pem_of(OwnedPkey{EVP_EC_gen("secp256k1")}.get())).error().detail,
                HasSubstr("secp256k1"));
    EXPECT_FALSE(parse_pem(pem_of(OwnedPkey{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448")}.get())));
    EXPECT_FALSE(parse_pem(pem_of(OwnedPkey{EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519")}.get())));
}

TEST(Key, a_point_off_its_curve_is_refused) {
    std::string jwk{vectors[2].key};
    jwk.replace(jwk.find("x_FE"), 4, "x_FF");
    EXPECT_THAT(why_no_keys(jwk), HasSubstr("no key"));
}

TEST(Pem, reads_public_and_private_keys_and_certificates) {
    for (const auto algorithm : {Algorithm::es256, Algorithm::es384, Algorithm::es512, Algorithm::eddsa}) {
        const auto made = make_key(algorithm);
        const auto secret = parse_pem(made.secret);
        const auto open = parse_pem(made.open);
        ASSERT_TRUE(secret && open);
        EXPECT_TRUE(open->verify(algorithm, "text", *secret->sign(algorithm, "text")));
        EXPECT_EQ(code_of(open->sign(algorithm, "text")), errc::bad_key);
    }
    const OwnedPkey rsa{EVP_RSA_gen(2048)};
    EXPECT_EQ(parse_pem(pem_of(rsa.get()))->algorithms().text(), "RS256 or PS256");
    EXPECT_EQ(parse_pem(certificate_of(rsa.get()))->algorithms().text(), "RS256 or PS256");
}

TEST(Pem, says_what_cannot_be_read) {
    const auto key = make_key(Algorithm::es256);
    EXPECT_THAT(parse_pem(key.open + key.open).error().detail, HasSubstr("one key"));
    EXPECT_THAT(parse_pem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n").error().detail,
                HasSubstr("no key can be read"));
    const OwnedBio bio{BIO_new(BIO_s_mem())};
    char passphrase[] = "secret";
    const OwnedPkey pkey{EVP_EC_gen("P-256")};
    PEM_write_bio_PrivateKey(bio.get(), pkey.get(), EVP_aes_128_cbc(),
                             reinterpret_cast<unsigned char*>(passphrase), 6, nullptr, nullptr);
    char* text = nullptr;
    const auto size = BIO_get_mem_data(bio.get(), &text);
    EXPECT_THAT(parse_pem({text, static_cast<std::size_t>(size)}).error().detail, HasSubstr("passphrase"));
}

TEST(Jwks, passes_over_keys_that_are_not_for_signatures) {
    const std::string good = vectors[2].key;
    const auto with = [&](const char* member) { return good.substr(0, good.size() - 1) + member + "}"; };
    const std::string rest = R"({"kty":"RSA","alg":"RSA-OAEP","e":"AQAB","n":"AA"},{"kty":"new"},17,)" +
                             with(R"(,"use":"enc")") + "," + with(R"(,"key_ops":["deriveKey"])");
    const auto keys = parse_jwks(R"({"keys":[)" + rest + "," +
                                 with(R"(,"kid":"the one","use":"sig","alg":"ES256")") + "]}");
    ASSERT_TRUE(keys) << keys.error().detail;
    ASSERT_EQ(keys->size(), 1u);
    EXPECT_EQ(keys->front().id, "the one");
    EXPECT_TRUE(keys->front().id_binds);
    EXPECT_EQ(why_no_keys(R"({"keys":[)" + rest + "]}"), "it holds no key for signatures that we can use");
}

TEST(Jwks, names_the_key_that_cannot_be_used) {
    EXPECT_THAT(why_no_keys(R"({"keys":[{"kty":"EC","crv":"P-256","kid":"a1","x":"AA","y":"AA"}]})"),
                HasSubstr("the key \"a1\": its numbers"));
    EXPECT_THAT(why_no_keys(R"({"kty":"OKP","crv":"Ed25519","x":"AA"})"), HasSubstr("without a kid"));
    EXPECT_THAT(why_no_keys(R"({"kty":"RSA","e":"AQAB"})"), HasSubstr("without a kid"));
    EXPECT_THAT(why_no_keys(R"({"keys":{}})"), HasSubstr("array"));
    EXPECT_THAT(why_no_keys("[]"), HasSubstr("no JSON object"));
}

TEST(Jwks, an_alg_narrows_the_key_to_it) {
    std::string jwk{vectors[1].key};
    jwk.insert(1, R"("alg":"PS256",)");
    EXPECT_EQ(only_key(jwk).algorithms().text(), "PS256");
}

}  // namespace
}  // namespace stepcast::auth
