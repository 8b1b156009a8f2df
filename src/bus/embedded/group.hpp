#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bus/embedded/topic.hpp"

namespace stepcast::bus::embedded {

/// A record that was handed out.
struct Taken {
    Place place;
    std::shared_ptr<const Entry> entry;
    event::Draft draft;  // the reader's own
};

/// One consumer in its group. Under the log's mutex.
struct Member {
    Group* group = nullptr;  // null once it has left
    std::optional<Timestamp> since;
    std::vector<std::int64_t> first;  // by partition: where reading started and what the head was then
    std::vector<std::int64_t> target;
    std::size_t turn = 0;  // the partition to start with, so that none is starved
    bool idle = false;     // `take` gave nothing: wake when there is something
    std::function<void()> wake;

    void wake_if_idle() {
        if (std::exchange(idle, false)) wake();
    }
};

/// How far a member has come.
struct Standing {
    std::int64_t at_start = 0;  ///< records that were there to be read when the member joined
    std::int64_t of_start = 0;  ///< how many of them were handed out
    std::int64_t lag = 0;
};

/// Who reads a topic together: which member has which partition, what was handed out, and what is done. A
/// partition changes hands only when its owner has nothing in flight, or has left. Under the log's mutex.
class Group {
  public:
    /// Begins with the oldest record of each partition. An empty name: one reader alone, whose records are
    /// done once handed out.
    Group(std::string name, Topic& topic);

    std::string_view name() const { return name_; }
    bool alone() const { return name_.empty(); }
    Topic& topic() { return topic_; }
    /// Everything below it is done.
    std::int64_t edge(std::size_t partition) const { return shares_[partition].edge; }
    /// Lets a reader alone begin elsewhere, between the base and the head of the partition.
    void begin_at(std::size_t partition, std::int64_t offset);

    /// Of a reader alone: what stands before this offset is gone. How many records it had not read of that.
    std::uint64_t pass_over(std::size_t partition, std::int64_t offset);

    std::shared_ptr<Member> enter(std::function<void()> wake);
    /// What was handed out to it and is not done is given to others again.
    void leave(Member& member);

    /// A record was appended to the partition. True if its producer has to wait for this group.
    bool take_on(std::size_t partition) {
        Share& share = shares_[partition];
        share.flags.push_back(alone() ? 0 : promised);
        if (share.owner != nullptr) share.owner->wake_if_idle();
        return !alone();
    }

    std::vector<Taken> take(Member& member, std::size_t limit);
    /// Each gives the promise that is due an answer, if any: to be answered without the lock, because it
    /// wakes somebody.
    std::shared_ptr<Promise> settle(Member& member, Place place);
    std::shared_ptr<Promise> done(Member& member, Place place);
    /// See Consumer::refuse.
    bool refuse(Member& member, Place place, const Error& why);
    /// Records handed out and not done.
    std::size_t in_flight(const Member& member) const;
    Standing standing(const Member& member) const;

  private:
    // Of a record, in Share::flags.
    static constexpr std::uint8_t settled = 1;
    static constexpr std::uint8_t finished = 2;
    static constexpr std::uint8_t promised = 4;  // the producer waits for this group

    /// What the group knows of one partition.
    struct Share {
        std::int64_t edge = 0;           // everything below is done
        std::deque<std::uint8_t> flags;  // of the offsets from edge to the partition's head
        std::int64_t next = 0;           // the next one to hand out; edge <= next <= head
        std::size_t in_flight = 0;       // in [edge, next) and not done
        Member* owner = nullptr;
        Member* next_owner =
            nullptr;  // takes over once the owner has nothing in flight; until then nothing is handed out

        std::uint8_t& flags_of(std::int64_t offset) { return flags[static_cast<std::size_t>(offset - edge)]; }
    };

    Partition& partition_of(Place place) const;
    Share* handed_out(Member& member, Place place);
    std::shared_ptr<Promise> settle_in(Share& share, Place place);
    std::shared_ptr<Promise> done_in(Share& share, Place place);
    void hand_out(Member& member, std::size_t partition, std::size_t limit, std::vector<Taken>& taken);
    void rebalance();

    const std::string name_;
    Topic& topic_;
    std::vector<Share> shares_;     // by partition
    std::vector<Member*> members_;  // in the order they joined
};

}  // namespace stepcast::bus::embedded
