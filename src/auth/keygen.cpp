#include "auth/keygen.hpp"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include <stdexcept>

#include "auth/base64url.hpp"
#include "auth/openssl.hpp"

namespace stepcast::auth {
namespace {

constexpr std::size_t rsa_bits = 3072;

OwnedPkey make_pkey(Algorithm algorithm) {
    switch (algorithm) {
        case Algorithm::es256:
            return OwnedPkey{EVP_EC_gen("P-256")};
        case Algorithm::es384:
            return OwnedPkey{EVP_EC_gen("P-384")};
        case Algorithm::es512:
            return OwnedPkey{EVP_EC_gen("P-521")};
        case Algorithm::eddsa:
            return OwnedPkey{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")};
        default:
            return OwnedPkey{EVP_RSA_gen(rsa_bits)};
    }
}

std::string text_of(BIO* bio) {
    char* begin = nullptr;
    const auto size = BIO_get_mem_data(bio, &begin);
    return {begin, static_cast<std::size_t>(size)};
}

}  // namespace

std::string make_secret(std::size_t bytes) {
    std::string random(bytes, '\0');
    if (RAND_bytes(bytes_of(random), static_cast<int>(bytes)) != 1)
        throw std::runtime_error{"OpenSSL gives no random bytes"};
    return encode_base64url(random);
}

NewKey make_key(Algorithm algorithm) {
    if (algorithm == Algorithm::hs256) return {make_secret(32), {}};
    if (algorithm == Algorithm::hs384) return {make_secret(48), {}};
    if (algorithm == Algorithm::hs512) return {make_secret(64), {}};
    const auto pkey = make_pkey(algorithm);
    const OwnedBio secret{BIO_new(BIO_s_mem())};
    const OwnedBio open{BIO_new(BIO_s_mem())};
    if (!pkey ||
        PEM_write_bio_PrivateKey(secret.get(), pkey.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
        PEM_write_bio_PUBKEY(open.get(), pkey.get()) != 1)
        throw std::runtime_error{"OpenSSL makes no key"};
    return {text_of(secret.get()), text_of(open.get())};
}

}  // namespace stepcast::auth
