#include "bus/embedded/topic.hpp"

#include <algorithm>

#include "base/hash.hpp"
#include "bus/embedded/group.hpp"

namespace stepcast::bus::embedded {
namespace {

constexpr std::size_t record_cost = 128;  // bookkeeping of one record, so that empty ones are bounded too

std::size_t cost_of(const auto& record) {
    return record.key.size() + record.value.size() + event::text_size(record.headers) +
           record.headers.size() * sizeof(event::Header) + (record.draft ? record.draft->memory() : 0) +
           record_cost;
}

}  // namespace

std::size_t cost(const Message& message) {
    return cost_of(message);
}
std::size_t cost(const Entry& entry) {
    return cost_of(entry);
}

Topic::Topic(std::string name, std::int32_t partitions, const EmbeddedOptions& options)
    : name_{std::move(name)}, options_{options}, partitions_(static_cast<std::size_t>(partitions)) {}
Topic::~Topic() = default;

bool Topic::has_room(std::size_t records, std::size_t bytes) {
    if (members() == 0 || fits(records, bytes)) return true;  // see make_room
    pass_over();
    return fits(records, bytes);
}

bool Topic::fits(std::size_t records, std::size_t bytes) const {
    return records_ + records <= options_.max_records && bytes_ + bytes <= options_.max_bytes;
}

std::size_t Topic::members() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(groups_, [](const auto& group) { return !group->alone(); }));
}

void Topic::pass_over() {
    for (std::size_t i = 0; i < partitions_.size(); ++i) {
        auto needed = partitions_[i].head();
        for (const auto& group : groups_)
            if (!group->alone()) needed = std::min(needed, group->edge(i));
        for (const auto& group : groups_)
            if (group->alone()) missed_ += group->pass_over(i, needed);
        trim(i);
    }
}

void Topic::keep_room(std::size_t records, std::size_t bytes) {
    records_ += records;
    bytes_ += bytes;
}

Place Topic::append(Message& message, const std::shared_ptr<Promise>& promise, bool alone, Timestamp now) {
    const auto choice = message.key.empty() ? next_keyless_++ : stable_hash(message.key);
    const auto index = choice % partitions_.size();
    Partition& partition = partitions_[index];
    const Place place{static_cast<std::int32_t>(index), partition.head()};
    auto& slot = partition.slots.emplace_back();
    slot.entry =
        std::make_shared<const Entry>(Entry{std::move(message.key), std::move(message.value),
                                            std::move(message.headers), std::move(message.draft), now});
    for (const auto& group : groups_)
        if (group->take_on(index)) ++slot.unsettled;
    slot.alone = alone;
    if (slot.unsettled != 0) {
        slot.promise = promise;
        promise->expect(slot.unsettled);
    }
    if (members() == 0) make_room();
    return place;
}

/// Only a topic that no group reads can be beyond its bound here.
void Topic::make_room() {
    while (records_ > options_.max_records || bytes_ > options_.max_bytes) {
        const auto longest = std::ranges::max_element(
            partitions_, {}, [](const Partition& partition) { return partition.slots.size(); });
        if (longest->slots.empty()) return;  // all of it is room that is kept
        drop_front(*longest);
        for (const auto& group : groups_)
            missed_ +=
                group->pass_over(static_cast<std::size_t>(longest - partitions_.begin()), longest->base);
    }
}

void Topic::drop_front(Partition& partition) {
    --records_;
    bytes_ -= cost(*partition.slots.front().entry);
    partition.slots.pop_front();
    ++partition.base;
}

void Topic::trim(std::size_t index) {
    Partition& partition = partitions_[index];
    std::int64_t needed = partition.head();
    for (const auto& group : groups_) needed = std::min(needed, group->edge(index));
    while (partition.base < needed) drop_front(partition);
}

void Topic::refuse_all(const Error& why) {
    for (auto& partition : partitions_)
        for (auto& slot : partition.slots)
            for (; slot.unsettled > 0; --slot.unsettled) slot.promise->refuse(why);
}

Group* Topic::find_group(std::string_view name) const {
    const auto found = std::ranges::find(groups_, name, [](const auto& group) { return group->name(); });
    return found == groups_.end() ? nullptr : found->get();
}

Group& Topic::add_group(std::string name) {
    return *groups_.emplace_back(std::make_unique<Group>(std::move(name), *this));
}

void Topic::remove_group(const Group& group) {
    std::erase_if(groups_, [&](const auto& each) { return each.get() == &group; });
}

}  // namespace stepcast::bus::embedded
