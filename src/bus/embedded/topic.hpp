#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "bus/bus.hpp"
#include "bus/promise.hpp"

namespace stepcast::bus {

/// Shape and bounds of the embedded bus; the bounds hold for each topic, so that one cannot starve another.
struct EmbeddedOptions {
    std::int32_t partitions = 3;
    std::size_t max_records = 100'000;         ///< kept until every group is done with them
    std::size_t max_bytes = 64 * 1024 * 1024;  ///< keys, values, headers and a fixed cost per record
    /// How long `produce` waits for its groups; then `unavailable`, although the records stay and may still
    /// be settled.
    std::chrono::milliseconds produce_timeout{10'000};
};

namespace embedded {

class Group;

/// A record's bytes; shared by the topic and by the batches that hold it.
struct Entry {
    std::string key;
    std::string value;
    std::vector<event::Header> headers;
    event::Draft draft;  // in place of the value
    Timestamp timestamp;
};

/// What a record takes of its topic's bytes.
std::size_t cost(const Message& message);
std::size_t cost(const Entry& entry);

/// A record in its partition, and who waits for it.
struct Slot {
    std::shared_ptr<const Entry> entry;
    std::shared_ptr<Promise> promise;
    std::uint32_t unsettled = 0;  // groups that the promise still waits for
    bool alone = false;           // in its call
};

struct Partition {
    std::int64_t base = 0;  // offset of slots.front()
    std::deque<Slot> slots;
    std::int64_t head() const { return base + static_cast<std::int64_t>(slots.size()); }
    Slot& at(std::int64_t offset) { return slots[static_cast<std::size_t>(offset - base)]; }
};

/// The records of one topic, in partitions, and the room for them. A record is kept until every group is done
/// with it, as far as the contiguous edge goes; with no group at all it waits for the first, and the oldest
/// go where there is no room. Who reads alone holds nobody up: where there is no room it misses what only it
/// has still to read. Under the log's mutex.
class Topic {
  public:
    /// `options` outlives this.
    Topic(std::string name, std::int32_t partitions, const EmbeddedOptions& options);
    ~Topic();

    const std::string& name() const { return name_; }
    std::vector<Partition>& partitions() { return partitions_; }
    const std::vector<Partition>& partitions() const { return partitions_; }
    const std::vector<std::unique_ptr<Group>>& groups() const { return groups_; }

    /// Makes room of what only those who read alone have not read, if need be.
    bool has_room(std::size_t records, std::size_t bytes);
    /// Room for records that are appended later, each once.
    void keep_room(std::size_t records, std::size_t bytes);
    /// Takes what the message holds. `promise` expects an answer of each group; `alone`: it waits for this
    /// record only.
    Place append(Message& message, const std::shared_ptr<Promise>& promise, bool alone, Timestamp now);
    /// Drops what all groups are done with.
    void trim(std::size_t partition);
    /// Refuses whatever still waits.
    void refuse_all(const Error& why);

    /// The group of that name; null if there is none.
    Group* find_group(std::string_view name) const;
    /// One that begins with the oldest record of each partition. An empty name: one reader alone.
    Group& add_group(std::string name);
    void remove_group(const Group& group);

    /// Groups, without those who read alone.
    std::size_t members() const;

    /// Records that went before somebody who reads alone had read them, each for each of them.
    std::uint64_t missed() const { return missed_; }

  private:
    bool fits(std::size_t records, std::size_t bytes) const;
    void pass_over();
    void make_room();
    void drop_front(Partition& partition);

    const std::string name_;
    const EmbeddedOptions& options_;
    std::vector<Partition> partitions_;
    std::vector<std::unique_ptr<Group>> groups_;
    std::size_t records_ = 0;
    std::size_t bytes_ = 0;
    std::size_t next_keyless_ = 0;
    std::uint64_t missed_ = 0;
};

}  // namespace embedded
}  // namespace stepcast::bus
