#include "store/memory/id_table.hpp"

#include <algorithm>

namespace stepcast::store {

using event::Version;

// At most 13/16 full: a hundred events fit into 128 slots.
unsigned IdTable::bits_for(std::size_t count) {
    unsigned bits = 3;
    while (count * std::uint64_t{16} > (std::uint64_t{1} << bits) * 13) ++bits;
    return bits;
}

void IdTable::add_last(std::uint32_t hash, const EventList& events, Version first) {
    if (!slots_ || (count_ + 1) * std::uint64_t{16} > (std::uint64_t{1} << bits_) * 13)
        rebuild(events, first, events.size() - 1, slots_ ? bits_ + 1u : 3u);
    put(hash, first + events.size() - 1);
    ++count_;
}

void IdTable::drop_below(Version first, const EventList& events) {
    rebuild(events, first, events.size(), bits_for(events.size()));
}

void IdTable::keep_hashes(Version first, const EventList& events, std::size_t expected) {
    if (std::exchange(keeps_hashes_, true) || wide_) return;
    rebuild(events, first, events.size(), std::max<unsigned>(bits_, bits_for(expected)));
}

void IdTable::rebuild(const EventList& events, Version first, std::size_t count, unsigned bits) {
    const auto old = std::move(slots_);
    const unsigned old_bits = bits_;
    const bool was_wide = wide_;
    bits_ = static_cast<std::uint8_t>(bits);
    wide_ = keeps_hashes_ || bits > widest_narrow;
    slots_ = std::make_unique<std::uint32_t[]>(std::size_t{1} << (wide_ ? bits + 1 : bits));
    count_ = static_cast<std::uint32_t>(count);
    if (!was_wide || !old) {
        for (std::size_t i = 0; i < count; ++i) put(hash(events[i].event()->id()), first + i);
        return;
    }
    for (std::size_t i = 0; i < std::size_t{1} << old_bits; ++i) {
        if (old[2 * i] == 0) continue;
        const std::size_t index = (old[2 * i] - static_cast<std::uint32_t>(first)) & ~used;
        if (index < count) put(old[2 * i + 1], first + index);
    }
}

void IdTable::put(std::uint32_t hash, Version version) {
    const auto number = static_cast<std::uint32_t>(version);
    std::uint32_t i = hash & mask();
    while (slots_[wide_ ? 2 * std::size_t{i} : i] != 0) i = (i + 1) & mask();
    if (wide_) {
        slots_[2 * std::size_t{i}] = used | number;
        slots_[2 * std::size_t{i} + 1] = hash;
    } else {
        slots_[i] = used | (hash & ~mask()) | (number & mask());
    }
}

}  // namespace stepcast::store
