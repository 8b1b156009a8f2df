#pragma once
#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "auth/claims.hpp"
#include "auth/openssl.hpp"

namespace stepcast::auth {

/// What was verified once, by a hash of the token under a secret of this object, so that nothing can be said
/// of a token from where it stands here, and no token is kept. Any thread: a lock is held for one look into
/// one of 64 small tables, and at a table's bound for one pass over it.
class TokenCache {
  public:
    /// SHA-256 of the secret and the token: whoever could make two tokens of one hash could pass for another.
    using Digest = std::array<std::uint64_t, 4>;
    using Verified = std::shared_ptr<const Claims>;

    /// Holds at most this many, rounded down to a multiple of 64; what expires first gives way.
    explicit TokenCache(std::size_t most = 10'000);

    Digest digest(std::string_view token) const;
    /// Null unless it was put under the same `generation`.
    Verified find(const Digest& digest, std::uint64_t generation) const;
    void put(const Digest& digest, std::uint64_t generation, Verified verified);
    std::size_t size() const;

  private:
    struct Entry {
        Verified verified;
        std::uint64_t generation;
    };
    struct Hash {
        using is_avalanching = void;
        std::size_t operator()(const Digest& digest) const { return digest[0]; }
    };
    using Table = boost::unordered_flat_map<Digest, Entry, Hash>;
    struct Shard {
        mutable std::mutex mutex;
        Table entries;
    };
    static void make_room(Table& entries, std::uint64_t generation);

    static constexpr std::size_t shard_count = 64;
    Shard& shard(const Digest& digest) { return shards_[digest[1] % shard_count]; }
    const Shard& shard(const Digest& digest) const { return shards_[digest[1] % shard_count]; }

    const std::size_t most_per_shard_;
    const Owned<EVP_MD, EVP_MD_free> sha256_;
    const std::string secret_;
    std::array<Shard, shard_count> shards_;
};

}  // namespace stepcast::auth
