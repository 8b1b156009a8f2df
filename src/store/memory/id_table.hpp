#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/hash.hpp"
#include "store/memory/event_slot.hpp"

namespace stepcast::store {

/// Which version of one stream carries an event id. Open addressing over the ids that stand in the events
/// themselves: four to eight bytes an event. Slots of a long stream, and of one with events that are not in
/// memory, keep the whole hash, so that growing does not visit the events: ten to twenty bytes an event.
class IdTable {
  public:
    static std::uint32_t hash(std::string_view id) { return static_cast<std::uint32_t>(keyed_hash(id)); }

    /// Of the `count` events from version `first` on, the index of the one with an id: the first of those
    /// that may have it, by its hash, for which `is(index)` is true.
    template <class Is>
    std::optional<std::size_t> find(std::uint32_t hash, std::size_t count, event::Version first,
                                    Is is) const {
        if (!slots_) return std::nullopt;
        const std::uint32_t number = wide_ ? ~used : mask();
        for (std::uint32_t i = hash & mask();; i = (i + 1) & mask()) {
            const std::uint32_t word = slots_[wide_ ? 2 * std::size_t{i} : i];
            if (word == 0) return std::nullopt;
            if (wide_ ? slots_[2 * std::size_t{i} + 1] != hash : ((word ^ hash) & ~mask() & ~used) != 0)
                continue;
            // Fewer events are held than numbers fit, so the number names one event.
            const std::size_t index = (word - static_cast<std::uint32_t>(first)) & number;
            if (index < count && is(index)) return index;
        }
    }

    /// Adds the last of `events`, whose id is not in the table.
    void add_last(std::uint32_t hash, const EventList& events, event::Version first);

    /// Forgets the ids of versions below `first`.
    void drop_below(event::Version first, const EventList& events);

    /// From here on no id is read from `events`, all of which are still in memory, or were at the first call.
    /// There is room for as many as `expected`.
    void keep_hashes(event::Version first, const EventList& events, std::size_t expected = 0);

  private:
    static constexpr unsigned widest_narrow = 12;
    static constexpr std::uint32_t used = 0x8000'0000;

    static unsigned bits_for(std::size_t count);
    std::uint32_t mask() const { return (1u << bits_) - 1; }
    void rebuild(const EventList& events, event::Version first, std::size_t count, unsigned bits);
    void put(std::uint32_t hash, event::Version version);

    // Narrow, up to 2^12 slots: one word each: `used`, the hash above the slot's number, and the version
    // modulo the capacity. Wide: two words: the version with `used`, and the hash.
    std::unique_ptr<std::uint32_t[]> slots_;
    std::uint32_t count_ = 0;
    std::uint8_t bits_ = 0;
    bool wide_ = false;
    bool keeps_hashes_ = false;  // wide, however few they are
};

}  // namespace stepcast::store
