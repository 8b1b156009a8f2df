#include "auth/token_cache.hpp"

#include <algorithm>
#include <stdexcept>

#include "auth/keygen.hpp"

namespace stepcast::auth {

TokenCache::TokenCache(std::size_t most)
    : most_per_shard_{most / shard_count},
      sha256_{EVP_MD_fetch(nullptr, "SHA256", nullptr)},
      secret_{make_secret(32)} {
    if (!sha256_) throw std::runtime_error{"OpenSSL gives no SHA-256"};
}

TokenCache::Digest TokenCache::digest(std::string_view token) const {
    thread_local const OwnedDigestContext context{EVP_MD_CTX_new()};
    Digest digest;
    EVP_DigestInit_ex2(context.get(), sha256_.get(), nullptr);
    EVP_DigestUpdate(context.get(), secret_.data(), secret_.size());
    EVP_DigestUpdate(context.get(), token.data(), token.size());
    EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr);
    return digest;
}

TokenCache::Verified TokenCache::find(const Digest& digest, std::uint64_t generation) const {
    const auto& [mutex, entries] = shard(digest);
    const std::lock_guard lock{mutex};
    const auto found = entries.find(digest);
    if (found == entries.end() || found->second.generation != generation) return nullptr;
    return found->second.verified;
}

void TokenCache::put(const Digest& digest, std::uint64_t generation, Verified verified) {
    auto& [mutex, entries] = shard(digest);
    const std::lock_guard lock{mutex};
    if (entries.size() >= most_per_shard_ && !entries.contains(digest)) make_room(entries, generation);
    entries.insert_or_assign(digest, Entry{std::move(verified), generation});
}

// What an older set of keys verified goes as a whole; otherwise the one that is of use for the shortest time.
void TokenCache::make_room(Table& entries, std::uint64_t generation) {
    const auto older = [&](const auto& entry) { return entry.second.generation != generation; };
    if (boost::unordered::erase_if(entries, older) != 0) return;
    const auto first = std::ranges::min_element(
        entries, {}, [](const auto& entry) { return entry.second.verified->principal.expires; });
    if (first != entries.end()) entries.erase(first);
}

std::size_t TokenCache::size() const {
    std::size_t size = 0;
    for (const auto& [mutex, entries] : shards_) {
        const std::lock_guard lock{mutex};
        size += entries.size();
    }
    return size;
}

}  // namespace stepcast::auth
