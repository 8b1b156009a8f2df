#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/hash.hpp"
#include "event/event.hpp"
#include "store/memory/blocks.hpp"

namespace stepcast::store {

using EventList = Blocks<event::EventRef>;

/// Which version of one stream carries an event id. Open addressing over the ids that stand in the events
/// themselves: four to eight bytes an event. Slots of a long stream keep the whole hash, so that growing it
/// does not visit its events.
class IdTable {
  public:
    static std::uint32_t hash(std::string_view id) { return static_cast<std::uint32_t>(keyed_hash(id)); }

    /// Index into `events` of the one with this id. `first` is the version of events[0].
    std::optional<std::size_t> find(std::uint32_t hash, std::string_view id, const EventList& events,
                                    event::Version first) const;

    /// Adds the last of `events`, whose id is not in the table.
    void add_last(std::uint32_t hash, const EventList& events, event::Version first);

    /// Forgets the ids of versions below `first`.
    void drop_below(event::Version first, const EventList& events);

  private:
    static constexpr unsigned widest_narrow = 12;
    static constexpr std::uint32_t used = 0x8000'0000;

    std::uint32_t mask() const { return (1u << bits_) - 1; }
    void rebuild(const EventList& events, event::Version first, std::size_t count, unsigned bits);
    void put(std::uint32_t hash, event::Version version);

    // Up to 2^12 slots, one word each: `used`, the hash above the slot's number, and the version modulo the
    // capacity. Above, two words: the version with `used`, and the hash.
    std::unique_ptr<std::uint32_t[]> slots_;
    std::uint32_t count_ = 0;
    std::uint8_t bits_ = 0;
};

}  // namespace stepcast::store
