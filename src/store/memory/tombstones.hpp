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
    /// The number that this loss has: one above the last.
    std::uint64_t raise(std::uint64_t hash, event::Position through, Timestamp now) {
        restore(hash, through, now, last_ + 1);
        return last_;
    }
    /// `number` is not below that of any before.
    void restore(std::uint64_t hash, event::Position through, Timestamp at, std::uint64_t number);

    /// Something unknown may have been lost up to here.
    void raise_floor(event::Position floor) {
        floor_ = std::max(floor_, floor);
        highest_ = std::max(highest_, floor);
    }

    /// What is remembered, or the floor if that is higher.
    event::Position through(std::uint64_t hash) const;
    event::Position floor() const { return floor_; }

    /// The highest position that was ever lost.
    event::Position highest() const { return highest_; }

    bool empty() const { return order_.empty(); }
    /// When the oldest was remembered. There is one.
    Timestamp oldest() const { return order_.front().at; }
    /// Forgets the oldest, which there is, and raises the floor to what it knew. Its number.
    std::uint64_t forget_oldest();

    std::uint64_t memory() const { return order_.size() * bytes_each; }

  private:
    static constexpr std::uint64_t bytes_each = 64;
    struct Entry {
        event::Position through = 0;
        std::uint64_t number = 0;  // of its newest loss
    };
    struct Place {
        Timestamp at{};
        std::uint64_t hash = 0;
        std::uint64_t number = 0;
    };
    struct Hash {
        using is_avalanching = void;
        std::size_t operator()(std::uint64_t hash) const { return hash; }
    };
    using Part = boost::unordered_flat_map<std::uint64_t, Entry, Hash>;

    Part& part(std::uint64_t hash) { return parts_[(hash >> 24) % 256]; }

    std::array<Part, 256> parts_;
    std::deque<Place> order_;  // a place for each loss: only the newest of an entry is the entry's
    std::uint64_t last_ = 0;
    event::Position floor_ = 0;
    event::Position highest_ = 0;
};

}  // namespace stepcast::store
