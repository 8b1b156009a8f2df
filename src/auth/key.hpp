#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auth/algorithm.hpp"
#include "auth/openssl.hpp"
#include "auth/principal.hpp"
#include "base/result.hpp"

namespace stepcast::auth {

/// One key, made by `key_from_…`. What it is fixes the algorithms that it takes, whatever a token says: an
/// RSA key never serves as a HMAC secret. `verify` and `sign` on any thread at once.
class Key {
  public:
    /// A secret of at least 32 bytes; it takes each HMAC whose hash is not longer than the secret.
    static result<Key> from_secret(std::string secret);
    /// RSA of 2048 to 16384 bits (RS256, PS256), P-256 (ES256), P-384 (ES384), P-521 (ES512) or Ed25519
    /// (EdDSA), public or private.
    static result<Key> from_pkey(OwnedPkey pkey);

    Algorithms algorithms() const { return algorithms_; }
    /// A HMAC secret, which verifies and signs: whoever has it may be anybody.
    bool is_secret() const { return pkey_ == nullptr; }
    /// Of the same material, under the same name, for the same algorithms.
    bool same_as(const Key& other) const;

    /// Believed no more: whoever relied on it is told by `revoked`.
    void revoke() const { revoked_->store(true, std::memory_order_relaxed); }
    Revoked revoked() const { return revoked_; }
    /// Takes this algorithm only. False if it does not take it.
    bool narrow(Algorithm algorithm);

    /// `signature` as it stands in a token, decoded. False for an algorithm that the key does not take.
    bool verify(Algorithm algorithm, std::string_view input, std::string_view signature) const;
    /// The signature as a token holds it. Refused (`bad_key`) if the key has no private part.
    result<std::string> sign(Algorithm algorithm, std::string_view input) const;

    /// Of a JWK its `kid`, else what its file is called; may be empty.
    std::string id;
    /// True for the `kid` of a JWK: a token that names another key was not made with this one.
    bool id_binds = false;

  private:
    Key() = default;

    Algorithms algorithms_;
    OwnedPkey pkey_;      // null for a secret
    std::string secret_;  // empty for a key pair
    std::shared_ptr<std::atomic<bool>> revoked_ = std::make_shared<std::atomic<bool>>(false);
};

/// A key that sets of keys have in common: it stays the same one while one of them follows another.
using SharedKey = std::shared_ptr<const Key>;
std::vector<SharedKey> shared(std::vector<Key> keys);

}  // namespace stepcast::auth
