#pragma once
#include <array>
#include <boost/intrusive/set.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "store/memory/change_log.hpp"
#include "store/memory/id_table.hpp"
#include "store/memory/position_index.hpp"
#include "store/store.hpp"

namespace stepcast::store {

/// What the memory store keeps of one subject in one category.
struct MemorySubject {
    std::uint64_t hash = 0;
    const Category* category = nullptr;
    std::string name;
    PositionList positions;
    std::uint32_t streams = 0;  ///< that began with it

    bool idle() const { return streams == 0 && positions.empty(); }
};

/// What the memory store keeps of one stream.
struct MemoryStream : boost::intrusive::set_base_hook<> {
    using Life = StreamHead::Life;

    std::uint64_t hash = 0;
    const Category* category = nullptr;
    std::string id;
    MemorySubject* subject = nullptr;  ///< of its first event; none if that had none
    EventList events;
    IdTable ids;
    Version version = 0;
    Position last_position = 0;
    Timestamp last_recorded{};
    Timestamp queued_at{};  ///< its place in the queue of its life, not above last_recorded
    std::uint64_t bytes = 0;
    std::unique_ptr<Snapshot> snapshot;
    Version away_through = 0;  ///< events up to here were let go, but those about another subject
    Life life = Life::permanent;
    bool mixed = false;   ///< some event has another subject than the first
    bool pinned = false;  ///< part of the commit that is being written: must not expire for it
    bool asked = false;   ///< its owner was, or is about to be, asked to trim it

    Version first_version() const { return version - events.size() + 1; }
};

inline std::uint64_t name_hash(std::uintptr_t space, std::string_view name) {
    return keyed_hash(name) ^ (space * 0x9E37'79B9'7F4A'7C15ull);
}
inline std::uint64_t stream_hash(const Category& category, std::string_view id) {
    return name_hash(reinterpret_cast<std::uintptr_t>(&category), id);
}
/// Another one than of a stream of that name: no category has an odd address.
inline std::uint64_t subject_hash(const Category& category, std::string_view name) {
    return name_hash(reinterpret_cast<std::uintptr_t>(&category) + 1, name);
}

/// Owns items of `T`, found by their hash and a key: a table in 256 parts, so that one growing part never
/// stalls the strand.
template <class T, class Key, class Same>
class PartedSet {
  public:
    PartedSet() = default;
    PartedSet(const PartedSet&) = delete;
    PartedSet& operator=(const PartedSet&) = delete;
    ~PartedSet() {
        for (auto& part : parts_)
            for (T* item : part) delete item;
    }

    T* find(std::uint64_t hash, const Key& key) const {
        const auto& part = parts_[part_of(hash)];
        const auto found = part.find(Probe{hash, key});
        return found == part.end() ? nullptr : *found;
    }

    /// `item->hash` is set and no equal item is held.
    T& add(std::unique_ptr<T> item) {
        parts_[part_of(item->hash)].insert(item.get());
        ++size_;
        return *item.release();
    }

    std::unique_ptr<T> take(T& item) {
        parts_[part_of(item.hash)].erase(&item);
        --size_;
        return std::unique_ptr<T>{&item};
    }

    std::size_t size() const { return size_; }

  private:
    struct Probe {
        std::uint64_t hash;
        const Key& key;
    };
    struct Hash {
        using is_transparent = void;
        using is_avalanching = void;
        std::size_t operator()(const T* item) const { return item->hash; }
        std::size_t operator()(const Probe& probe) const { return probe.hash; }
    };
    struct Equal {
        using is_transparent = void;
        bool operator()(const T* a, const T* b) const { return a == b; }
        bool operator()(const Probe& p, const T* b) const { return p.hash == b->hash && Same{}(*b, p.key); }
        bool operator()(const T* b, const Probe& p) const { return (*this)(p, b); }
    };

    // The table itself uses the hash's lowest and highest bits.
    static std::size_t part_of(std::uint64_t hash) { return (hash >> 24) % 256; }

    std::array<boost::unordered_flat_set<T*, Hash, Equal>, 256> parts_;
    std::size_t size_ = 0;
};

/// The id of a stream, or a subject, in a category.
struct NameKey {
    const Category& category;
    std::string_view id;
};
struct SameStream {
    bool operator()(const MemoryStream& s, const NameKey& key) const {
        return s.category == &key.category && s.id == key.id;
    }
};
using StreamTable = PartedSet<MemoryStream, NameKey, SameStream>;

struct SameSubject {
    bool operator()(const MemorySubject& s, const NameKey& key) const {
        return s.category == &key.category && s.name == key.id;
    }
};
using SubjectTable = PartedSet<MemorySubject, NameKey, SameSubject>;

}  // namespace stepcast::store
