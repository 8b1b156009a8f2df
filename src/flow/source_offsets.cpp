#include "flow/source_offsets.hpp"

#include <algorithm>

namespace stepcast::flow {

aio::awaitable<result<void>> SourceOffsets::load(store::EventStore& store) {
    if (keeps_nothing()) co_return result<void>{};
    const auto offsets = co_await store.source_offsets(consumer_, topic_);
    if (!offsets) co_return tl::unexpected{offsets.error()};
    for (const auto& [partition, offset] : *offsets) {
        batch_.push_back({{partition, offset}, false});
        settle();
    }
    co_return result<void>{};
}

std::vector<store::PartitionOffset> SourceOffsets::next() const {
    std::vector<store::PartitionOffset> next;
    for (std::size_t partition = 0; partition < stored_.size(); ++partition)
        if (stored_[partition] >= 0)
            next.push_back({static_cast<std::int32_t>(partition), stored_[partition] + 1});
    return next;
}

// Records of one partition mostly stand together.
SourceOffsets::Part& SourceOffsets::part(const bus::Place& place) {
    const auto is_it = [&](const Part& part) { return part.last.partition == place.partition; };
    if (!batch_.empty() && is_it(batch_.back())) return batch_.back();
    const auto found = std::ranges::find_if(batch_, is_it);
    return found != batch_.end() ? *found : batch_.emplace_back(place);
}

std::optional<store::SourceOffset> SourceOffsets::take(const bus::Place& place) {
    if (keeps_nothing() || place.again) return std::nullopt;
    Part& of_batch = part(place);
    of_batch.last = place;
    if (of_batch.given_up) return std::nullopt;
    return offset_of(place);
}

void SourceOffsets::give_up(const bus::Place& place) {
    if (!keeps_nothing() && !place.again) part(place).given_up = true;
}

// A record at or below the stored offset comes from a topic that was made again: the bus gives none twice.
store::SourceOffset SourceOffsets::offset_of(const bus::Place& place) const {
    const auto partition = static_cast<std::size_t>(place.partition);
    const bool again = partition < stored_.size() && place.offset <= stored_[partition];
    return {consumer_, topic_, place.partition, place.offset, again};
}

std::vector<store::Commit> SourceOffsets::moves() const {
    std::vector<store::Commit> moves;
    for (const auto& part : batch_)
        if (part.given_up) moves.emplace_back().source = offset_of(part.last);
    return moves;
}

void SourceOffsets::settle() {
    for (const auto& part : batch_) {
        const auto partition = static_cast<std::size_t>(part.last.partition);
        if (stored_.size() <= partition) stored_.resize(partition + 1, -1);
        stored_[partition] = part.last.offset;
    }
    batch_.clear();
}

}  // namespace stepcast::flow
