#include "store/memory/tombstones.hpp"

#include <algorithm>

namespace stepcast::store {

using event::Position;

void Tombstones::restore(std::uint64_t hash, Position through, Timestamp at, std::uint64_t number) {
    last_ = number;
    auto& entry = part(hash)[hash];
    entry.through = std::max(entry.through, through);
    entry.number = number;
    order_.push_back({at, hash, number});
    highest_ = std::max(highest_, through);
}

Position Tombstones::through(std::uint64_t hash) const {
    const auto& in = parts_[(hash >> 24) % 256];
    const auto found = in.find(hash);
    return found == in.end() ? floor_ : std::max(floor_, found->second.through);
}

std::uint64_t Tombstones::forget_oldest() {
    const auto [at, hash, number] = order_.front();
    order_.pop_front();
    auto& in = part(hash);
    const auto found = in.find(hash);
    if (found != in.end() && found->second.number == number) {
        floor_ = std::max(floor_, found->second.through);
        in.erase(found);
    }
    return number;
}

}  // namespace stepcast::store
