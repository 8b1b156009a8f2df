#pragma once
#include <xxhash.h>
#include <cstdint>
#include <string_view>

namespace stepcast {

/// Seed of `keyed_hash`, drawn once per process so that no client can choose colliding ids.
std::uint64_t process_hash_seed();

/// 64-bit XXH3 of untrusted text under the process's key: for tables only, never stored, never compared
/// across processes.
inline std::uint64_t keyed_hash(std::string_view text) {
    static const std::uint64_t seed = process_hash_seed();
    return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

/// 64-bit XXH3 that is the same in every process: for fingerprints that are stored.
inline std::uint64_t stable_hash(std::string_view text) {
    return XXH3_64bits(text.data(), text.size());
}

/// Hasher for tables keyed by text or by its view, without building a string to look one up.
struct KeyedHash {
    using is_transparent = void;
    using is_avalanching = void;
    std::size_t operator()(std::string_view text) const { return keyed_hash(text); }
};

}  // namespace stepcast
