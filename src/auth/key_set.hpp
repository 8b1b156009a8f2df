#pragma once
#include <vector>

#include "auth/key.hpp"
#include "auth/token.hpp"

namespace stepcast::auth {

/// The keys that are believed. Immutable; any thread.
class KeySet {
  public:
    explicit KeySet(std::vector<SharedKey> keys = {}) : keys_{std::move(keys)} {}

    /// Takes each key that `before` has too from there.
    void reuse(const KeySet& before);
    /// Revokes each key that is not in the set that follows this one, which has reused it.
    void revoke_all_but(const KeySet& next) const;

    /// The one of the keys that signed the token. The one that `kid` names is asked; if none has that name,
    /// or there is no `kid`, those that could have signed it, at most 8: PEM files have no `kid` of their
    /// own.
    result<const Key*> verify(const Token& token) const;

  private:
    std::vector<const Key*> named(const Token& token) const;

    std::vector<SharedKey> keys_;
};

}  // namespace stepcast::auth
