#pragma once
#include <map>
#include <utility>

#include "base/heap.hpp"
#include "store/memory/stream.hpp"

namespace stepcast::store {

/// Snapshots that stay beside the newest ones of their streams, where nothing is written down.
class KeptSnapshots {
  public:
    static std::uint64_t cost(const Snapshot& snapshot) { return node_bytes + snapshot.state.size(); }

    void add(const MemoryStream& stream, Snapshot snapshot) {
        const auto version = snapshot.version;
        kept_.insert_or_assign({&stream, version}, std::move(snapshot));
    }
    /// The last one of at most this version; null if there is none.
    const Snapshot* find(const MemoryStream& stream, Version through) const {
        const auto behind = kept_.upper_bound({&stream, through});
        if (behind == kept_.begin()) return nullptr;
        const auto& [place, snapshot] = *std::prev(behind);
        return place.first == &stream ? &snapshot : nullptr;
    }
    /// Forgets those of the stream below a version; returns what they cost.
    std::uint64_t drop_below(const MemoryStream& stream, Version version) {
        const auto begin = kept_.lower_bound({&stream, 0}), end = kept_.lower_bound({&stream, version});
        std::uint64_t bytes = 0;
        for (auto one = begin; one != end; ++one) bytes += cost(one->second);
        kept_.erase(begin, end);
        return bytes;
    }

  private:
    using Kept = std::map<std::pair<const MemoryStream*, Version>, Snapshot>;

    // Beside the state: the node of a tree.
    static constexpr std::uint64_t node_bytes = heap_bytes(32 + sizeof(Kept::value_type));

    Kept kept_;
};

}  // namespace stepcast::store
