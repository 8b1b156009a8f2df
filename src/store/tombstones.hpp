#pragma once
#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>

#include "event/event.hpp"

namespace stepcast::store {

/// Remembers up to which position a stream or subject, by its 64-bit hash, has lost events. Two that share a
/// hash share the memory, which may announce a loss too many and never one too few.
class Tombstones {
  public:
    void raise(std::uint64_t hash, event::Position through, Timestamp now);

    /// Something unknown may have been lost up to here.
    void raise_floor(event::Position floor) {
        floor_ = std::max(floor_, floor);
        highest_ = std::max(highest_, floor);
    }

    /// What is remembered, or the floor if that is higher.
    event::Position through(std::uint64_t hash) const;

    /// The highest position that was ever lost.
    event::Position highest() const { return highest_; }

    /// Forgets the oldest, if it is from `until` or before, and raises the floor to what it knew. False if
    /// there is none.
    bool forget_oldest(Timestamp until);

    /// When the oldest was remembered. There is one.
    Timestamp oldest() const { return order_.front().first; }

    std::uint64_t memory() const { return order_.size() * bytes_each; }

  private:
    static constexpr std::uint64_t bytes_each = 56;
    struct Entry {
        event::Position through = 0;
        Timestamp at{};
    };
    struct Hash {
        using is_avalanching = void;
        std::size_t operator()(std::uint64_t hash) const { return hash; }
    };
    using Part = boost::unordered_flat_map<std::uint64_t, Entry, Hash>;

    Part& part(std::uint64_t hash) { return parts_[(hash >> 24) % 256]; }

    std::array<Part, 256> parts_;
    std::deque<std::pair<Timestamp, std::uint64_t>> order_;  // one for each time an entry's `at` changed
    event::Position floor_ = 0;
    event::Position highest_ = 0;
};

}  // namespace stepcast::store
