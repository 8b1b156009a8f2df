#include "auth/pem.hpp"

#include <openssl/pem.h>

#include "auth/errc.hpp"

namespace stepcast::auth {
namespace {

// Without one OpenSSL would ask the terminal.
int no_passphrase(char*, int, int, void*) {
    return -1;
}

bool holds(std::string_view pem, std::string_view kind) {
    return pem.find(kind) != std::string_view::npos;
}

OwnedPkey certified_key(BIO* bio) {
    const OwnedCertificate certificate{PEM_read_bio_X509(bio, nullptr, no_passphrase, nullptr)};
    return OwnedPkey{certificate ? X509_get_pubkey(certificate.get()) : nullptr};
}

}  // namespace

result<Key> parse_pem(std::string_view pem) {
    const QuietErrors quiet;
    constexpr std::string_view public_key = "-----BEGIN PUBLIC KEY";
    if (const auto first = pem.find(public_key);
        first != std::string_view::npos && pem.find(public_key, first + 1) != std::string_view::npos)
        return fail(errc::bad_key, {}, "a PEM file holds one key; put each into a file of its own");
    const OwnedBio bio{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
    OwnedPkey pkey;
    if (holds(pem, "PRIVATE KEY-----"))
        pkey.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
    else if (holds(pem, "BEGIN CERTIFICATE-----"))
        pkey = certified_key(bio.get());
    else
        pkey.reset(PEM_read_bio_PUBKEY(bio.get(), nullptr, no_passphrase, nullptr));
    if (pkey) return Key::from_pkey(std::move(pkey));
    return fail(errc::bad_key, {},
                holds(pem, "ENCRYPTED") ? "a private key with a passphrase cannot be used"
                                        : "no key can be read from this PEM");
}

}  // namespace stepcast::auth
