#pragma once
#include <vector>

#include "auth/key.hpp"
#include "auth/token.hpp"

namespace stepcast::auth {

/// The keys that are believed. Immutable; any thread.
class KeySet {
  public:
    explicit KeySet(std::vector<Key> keys = {}) : keys_{std::move(keys)} {}

    /// Whether one of the keys signed the token. The one that `kid` names is asked; if none has that name, or
    /// there is no `kid`, those that could have signed it, at most 8: PEM files have no `kid` of their own.
    result<void> verify(const Token& token) const;

  private:
    std::vector<const Key*> named(const Token& token) const;

    std::vector<Key> keys_;
};

}  // namespace stepcast::auth
