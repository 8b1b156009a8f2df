#pragma once
#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cassert>
#include <memory>
#include <string_view>

#include "base/hash.hpp"

namespace stepcast {

/// Objects by their own member `id`, which must not change. In 256 tables, so that growth moves one small
/// table at a time and never stalls a strand. An object keeps its address until it is erased.
template <class Entry>
class ShardedMap {
  public:
    /// Bytes of the tables for one entry: a key and a pointer, in a table between half and wholly full.
    static constexpr std::size_t entry_bytes = 48;

    /// Null if there is none.
    Entry* find(std::string_view id) const {
        const auto& shard = shards_[index(id)];
        const auto found = shard.find(id);
        return found == shard.end() ? nullptr : found->second.get();
    }

    /// There is none of that id yet.
    Entry& insert(std::unique_ptr<Entry> entry) {
        const std::string_view id = entry->id;  // the table's key is a view into the entry
        const auto [place, fresh] = shards_[index(id)].emplace(id, std::move(entry));
        assert(fresh);
        return *place->second;
    }

    void erase(const Entry& entry) {
        auto& shard = shards_[index(entry.id)];
        shard.erase(shard.find(entry.id));
    }

    void clear() {
        for (auto& shard : shards_) shard.clear();
    }

    /// Calls `visit` with each entry, in no order. It must not insert or erase.
    template <class Visit>
    void for_each(Visit visit) {
        for (auto& shard : shards_)
            for (auto& [id, entry] : shard) visit(*entry);
    }

  private:
    struct Equal {
        using is_transparent = void;
        bool operator()(std::string_view a, std::string_view b) const { return a == b; }
    };
    using Shard = boost::unordered_flat_map<std::string_view, std::unique_ptr<Entry>, KeyedHash, Equal>;

    // By middle bits of the hash, because a table itself uses the outer ones.
    static std::size_t index(std::string_view id) { return keyed_hash(id) >> 24 & 0xFF; }

    std::array<Shard, 256> shards_;
};

}  // namespace stepcast
