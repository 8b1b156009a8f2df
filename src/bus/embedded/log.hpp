#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
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

/// The partitions, groups and promises of the embedded bus. Thread-safe; nothing here waits.
///
/// A record is kept until every group of its topic is done with it, as far as the contiguous edge goes; with
/// no group at all it waits for the first. A partition changes hands only when its reader has nothing in
/// flight, or has left.
class EmbeddedLog {
  public:
    /// A record's bytes; shared by the log and by the batches that hold it.
    struct Entry {
        std::string key;
        std::string value;
        std::vector<event::Header> headers;
        event::Draft draft;  // in place of the value
        Timestamp timestamp;
    };
    struct Taken {
        Place place;
        std::shared_ptr<const Entry> entry;
        event::Draft draft;  // the reader's own
    };
    class Member;

    EmbeddedLog(EmbeddedOptions options, const Clock& clock);

    ~EmbeddedLog();

    /// Whoever waits in `produce`.
    const std::shared_ptr<Waiters>& waiters() const { return waiters_; }

    void ensure_topic(const TopicSpec& topic);

    /// One call of produce.
    struct Call {
        std::shared_ptr<Promise> promise;  // of one answer, that the call is whole
        std::size_t messages;
        std::vector<Place> places{};
    };

    /// Checks that all messages fit and keeps the room for them: each is appended once then.
    result<void> admit(std::span<const Message> messages);
    /// Appends further messages of a call that was admitted; its promise expects an answer of each group for
    /// each. False, and nothing is appended, if the log was closed meanwhile.
    bool append(std::span<Message> messages, Call& call);

    /// Joins a group, or reads alone. `wake` is called, with the log locked, when there may be something to
    /// take after `take` gave nothing.
    std::shared_ptr<Member> join(const GroupSubscription& subscription, std::function<void()> wake);
    std::shared_ptr<Member> join(const ReplaySubscription& subscription, std::function<void()> wake);
    /// What was handed out and not done is given to others again.
    void leave(const std::shared_ptr<Member>& member);

    std::vector<Taken> take(Member& member, std::size_t limit);
    void settle(Member& member, Place place);
    void done(Member& member, Place place);
    /// See Consumer::refuse.
    bool refuse(Member& member, Place place, const Error& why);
    /// Records handed out and not done.
    std::size_t in_flight(const Member& member) const;

    struct Standing {
        std::int64_t at_start = 0;  ///< records that were there to be read when the member joined
        std::int64_t of_start = 0;  ///< how many of them were handed out
        std::int64_t lag = 0;
    };
    Standing standing(const Member& member) const;

    /// Refuses what still waits, and everything from now on.
    void close();
    bool closed() const;
    Stats stats() const;

  private:
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
    };
    struct Share;
    struct Group;
    struct Topic;

    Topic& topic(std::string_view name, std::int32_t partitions = 0);
    Group& add_group(Topic& topic, std::string name);
    std::shared_ptr<Member> enter(Group& group, std::function<void()> wake);
    bool has_room(const Topic& topic, std::size_t records, std::size_t bytes) const;
    Place append_one(Topic& topic, Message& message, const Call& call, Timestamp now);
    void make_room(Topic& topic);
    Share* handed_out(Member& member, Place place);
    std::int64_t beginning(const ReplaySubscription& subscription, std::size_t index,
                           const Partition& partition);
    void rebalance(Group& group);
    /// The promise that is due an answer, if any.
    std::shared_ptr<Promise> settle_locked(Share& share, Partition& partition, std::int64_t offset);
    std::shared_ptr<Promise> done_locked(Member& member, Share& share, Place place);
    void trim(Topic& topic, std::size_t index);
    void drop_front(Topic& topic, Partition& partition);

    const EmbeddedOptions options_;
    const Clock& clock_;
    const std::shared_ptr<Waiters> waiters_;
    mutable std::mutex mutex_;
    std::map<std::string, std::unique_ptr<Topic>, std::less<>> topics_;
    Topic* last_topic_ = nullptr;  // that was asked for: nearly always the next one too
    std::uint64_t rebalances_ = 0;
    std::uint64_t produced_ = 0;
    std::uint64_t refused_ = 0;
    std::uint64_t missed_ = 0;
    bool closed_ = false;
};

}  // namespace stepcast::bus
