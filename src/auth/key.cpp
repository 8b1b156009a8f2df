#include "auth/key.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include <array>
#include <cstring>

#include "auth/errc.hpp"

namespace stepcast::auth {
namespace {

constexpr int least_rsa_bits = 2048;
constexpr int most_rsa_bits = 16384;  // as OpenSSL itself

struct Hmac {
    Algorithm algorithm;
    std::size_t bytes;
    const EVP_MD* (*digest)();
};
constexpr std::array<Hmac, 3> hmacs{{{Algorithm::hs256, 32, EVP_sha256},
                                     {Algorithm::hs384, 48, EVP_sha384},
                                     {Algorithm::hs512, 64, EVP_sha512}}};

std::string hmac(Algorithm algorithm, std::string_view secret, std::string_view input) {
    const Hmac& kind = hmacs[static_cast<std::size_t>(algorithm)];
    std::string mac(kind.bytes, '\0');
    HMAC(kind.digest(), secret.data(), static_cast<int>(secret.size()), bytes_of(input), input.size(),
         bytes_of(mac), nullptr);
    return mac;
}

const char* digest_of(Algorithm algorithm) {
    if (algorithm == Algorithm::eddsa) return nullptr;  // brings its own
    if (algorithm == Algorithm::es512) return "SHA512";
    return algorithm == Algorithm::es384 ? "SHA384" : "SHA256";
}

/// Bytes of each of the two numbers of an ECDSA signature; 0 for other algorithms.
std::size_t ecdsa_half(Algorithm algorithm) {
    if (algorithm == Algorithm::es256) return 32;
    if (algorithm == Algorithm::es512) return 66;
    return algorithm == Algorithm::es384 ? 48 : 0;
}

/// A token holds the two numbers at full length (RFC 7518, section 3.4), OpenSSL wants them in DER. Empty if
/// the signature has another length.
std::string to_der(std::string_view signature, std::size_t half) {
    if (signature.size() != 2 * half) return {};
    const OwnedEcdsa numbers{ECDSA_SIG_new()};
    const auto number = [&](std::size_t at) {
        return BN_bin2bn(bytes_of(signature) + at, static_cast<int>(half), nullptr);
    };
    ECDSA_SIG_set0(numbers.get(), number(0), number(half));
    std::string der(static_cast<std::size_t>(i2d_ECDSA_SIG(numbers.get(), nullptr)), '\0');
    unsigned char* end = bytes_of(der);
    i2d_ECDSA_SIG(numbers.get(), &end);
    return der;
}

std::string from_der(std::string_view der, std::size_t half) {
    const unsigned char* begin = bytes_of(der);
    const OwnedEcdsa numbers{d2i_ECDSA_SIG(nullptr, &begin, static_cast<long>(der.size()))};
    std::string signature(2 * half, '\0');
    BN_bn2binpad(ECDSA_SIG_get0_r(numbers.get()), bytes_of(signature), static_cast<int>(half));
    BN_bn2binpad(ECDSA_SIG_get0_s(numbers.get()), bytes_of(signature) + half, static_cast<int>(half));
    return signature;
}

bool use_pss(EVP_PKEY_CTX* context) {
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) > 0;
}

result<Algorithms> rsa_algorithms(const EVP_PKEY* pkey) {
    const int bits = EVP_PKEY_get_bits(pkey);
    if (bits < least_rsa_bits || bits > most_rsa_bits)
        return fail(errc::bad_key, {},
                    fmt::format("an RSA key must have {} to {} bits, this one has {}", least_rsa_bits,
                                most_rsa_bits, bits));
    BIGNUM* exponent = nullptr;
    const bool known = EVP_PKEY_get_bn_param(pkey, "e", &exponent) == 1;
    const OwnedNumber owner{exponent};
    // With 1 every number is its own signature.
    if (!known || !BN_is_odd(exponent) || BN_is_one(exponent))
        return fail(errc::bad_key, {}, "the exponent of an RSA key must be odd and above 1");
    return Algorithms{Algorithm::rs256, Algorithm::ps256};
}

result<Algorithms> curve_algorithms(const EVP_PKEY* pkey) {
    std::array<char, 64> name{};
    if (EVP_PKEY_get_group_name(pkey, name.data(), name.size(), nullptr) == 1) {
        if (std::strcmp(name.data(), "prime256v1") == 0) return Algorithms{Algorithm::es256};
        if (std::strcmp(name.data(), "secp384r1") == 0) return Algorithms{Algorithm::es384};
        if (std::strcmp(name.data(), "secp521r1") == 0) return Algorithms{Algorithm::es512};
    }
    return fail(errc::bad_key, {},
                fmt::format("an EC key must be on P-256, P-384 or P-521, not on {}",
                            name[0] == '\0' ? "an unnamed curve" : name.data()));
}

result<Algorithms> algorithms_of(const EVP_PKEY* pkey) {
    switch (EVP_PKEY_get_base_id(pkey)) {
        case EVP_PKEY_RSA:
            return rsa_algorithms(pkey);
        case EVP_PKEY_EC:
            return curve_algorithms(pkey);
        case EVP_PKEY_ED25519:
            return Algorithms{Algorithm::eddsa};
        default:
            return fail(errc::bad_key, {}, "a key must be RSA, EC or Ed25519");
    }
}

}  // namespace

result<Key> Key::from_secret(std::string secret) {
    Key key;
    for (const auto& kind : hmacs)
        if (secret.size() >= kind.bytes) key.algorithms_.add(kind.algorithm);
    if (key.algorithms_.empty())
        return fail(errc::bad_key, {},
                    fmt::format("a secret must have at least {} bytes, this one has {}", hmacs[0].bytes,
                                secret.size()));
    key.secret_ = std::move(secret);
    return key;
}

result<Key> Key::from_pkey(OwnedPkey pkey) {
    const QuietErrors quiet;
    const auto algorithms = algorithms_of(pkey.get());
    if (!algorithms) return tl::unexpected{algorithms.error()};
    Key key;
    key.algorithms_ = *algorithms;
    key.pkey_ = std::move(pkey);
    return key;
}

bool Key::narrow(Algorithm algorithm) {
    if (!algorithms_.has(algorithm)) return false;
    algorithms_ = {algorithm};
    return true;
}

std::vector<SharedKey> shared(std::vector<Key> keys) {
    std::vector<SharedKey> all;
    for (auto& key : keys) all.push_back(std::make_shared<const Key>(std::move(key)));
    return all;
}

bool Key::same_as(const Key& other) const {
    if (id != other.id || id_binds != other.id_binds || algorithms_ != other.algorithms_ ||
        is_secret() != other.is_secret())
        return false;
    if (is_secret())
        return secret_.size() == other.secret_.size() &&
               CRYPTO_memcmp(secret_.data(), other.secret_.data(), secret_.size()) == 0;
    const QuietErrors quiet;
    return EVP_PKEY_eq(pkey_.get(), other.pkey_.get()) == 1;
}

bool Key::verify(Algorithm algorithm, std::string_view input, std::string_view signature) const {
    if (!algorithms_.has(algorithm)) return false;
    if (!pkey_) {
        const auto mac = hmac(algorithm, secret_, input);
        return mac.size() == signature.size() && CRYPTO_memcmp(mac.data(), signature.data(), mac.size()) == 0;
    }
    const QuietErrors quiet;
    std::string der;
    if (const auto half = ecdsa_half(algorithm); half != 0) {
        der = to_der(signature, half);
        if (der.empty()) return false;
        signature = der;
    }
    const OwnedDigestContext context{EVP_MD_CTX_new()};
    EVP_PKEY_CTX* options = nullptr;
    return EVP_DigestVerifyInit_ex(context.get(), &options, digest_of(algorithm), nullptr, nullptr,
                                   pkey_.get(), nullptr) == 1 &&
           (algorithm != Algorithm::ps256 || use_pss(options)) &&
           EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(input),
                            input.size()) == 1;
}

result<std::string> Key::sign(Algorithm algorithm, std::string_view input) const {
    if (!algorithms_.has(algorithm))
        return fail(errc::algorithm, {},
                    fmt::format("the key signs {}, not {}", algorithms_.text(), name_of(algorithm)));
    if (!pkey_) return hmac(algorithm, secret_, input);
    const QuietErrors quiet;
    const OwnedDigestContext context{EVP_MD_CTX_new()};
    EVP_PKEY_CTX* options = nullptr;
    std::size_t size = 0;
    if (EVP_DigestSignInit_ex(context.get(), &options, digest_of(algorithm), nullptr, nullptr, pkey_.get(),
                              nullptr) != 1 ||
        (algorithm == Algorithm::ps256 && !use_pss(options)) ||
        EVP_DigestSign(context.get(), nullptr, &size, bytes_of(input), input.size()) != 1)
        return fail(errc::bad_key, {}, "the key cannot sign");
    std::string signature(size, '\0');
    if (EVP_DigestSign(context.get(), bytes_of(signature), &size, bytes_of(input), input.size()) != 1)
        return fail(errc::bad_key, {}, "the key is a public one: signing needs the private one");
    signature.resize(size);
    if (const auto half = ecdsa_half(algorithm); half != 0) return from_der(signature, half);
    return signature;
}

}  // namespace stepcast::auth
