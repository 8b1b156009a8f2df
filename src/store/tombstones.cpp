#include "store/tombstones.hpp"

#include <algorithm>

namespace stepcast::store {

using event::Position;

void Tombstones::raise(std::uint64_t hash, Position through, Timestamp now) {
    const auto [found, added] = part(hash).try_emplace(hash);
    auto& entry = found->second;
    entry.through = std::max(entry.through, through);
    if (added || entry.at != now) order_.emplace_back(now, hash);
    entry.at = now;
    highest_ = std::max(highest_, through);
}

Position Tombstones::through(std::uint64_t hash) const {
    const auto& in = parts_[(hash >> 24) % 256];
    const auto found = in.find(hash);
    return found == in.end() ? floor_ : std::max(floor_, found->second.through);
}

bool Tombstones::forget_oldest(Timestamp until) {
    if (order_.empty() || order_.front().first > until) return false;
    const auto [at, hash] = order_.front();
    order_.pop_front();
    auto& in = part(hash);
    const auto found = in.find(hash);
    if (found != in.end() && found->second.at == at) {
        floor_ = std::max(floor_, found->second.through);
        in.erase(found);
    }
    return true;
}

}  // namespace stepcast::store
