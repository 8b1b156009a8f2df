#pragma once
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aio/types.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "event/event.hpp"
#include "event/header.hpp"

namespace stepcast::bus {

using aio::awaitable;

enum class errc {
    busy = 1,     ///< the bound of what may wait is reached: try again later
    unavailable,  ///< the broker did not answer in time, or is gone; a retry with the same event ids is safe
    too_large,    ///< the broker refuses records of this size
    unknown_topic,  ///< the topic does not exist and may not be created
    closed,         ///< the bus is being stopped
    unfit,          ///< the topic is not what it is needed for
};
std::error_code make_error_code(errc e);

/// What is given to the bus. Records of one key keep their order.
struct Message {
    std::string topic;
    std::string key;
    std::string value;
    std::vector<event::Header> headers{};
    /// In place of a value, on a bus that is `in_process`: the event as it is to be stored, so that nobody
    /// reads it again.
    event::Draft draft{};
};

/// Where a record stands.
struct Place {
    std::int32_t partition = 0;
    std::int64_t offset = 0;
    bool again = false;  ///< where it stood once: the record is handed over from what was kept of it

    friend bool operator==(const Place&, const Place&) = default;
};

/// One consumed record. The views live as long as the batch that holds it. A tombstone has neither value nor
/// draft.
struct Record {
    Place place;
    Timestamp timestamp{};
    std::optional<std::string_view> key;
    std::optional<std::string_view> value;  ///< absent also of a record with a draft
    /// The reader's own, not sealed: whoever else reads the record has another (see Message::draft).
    event::Event* draft = nullptr;
    /// Set by the bus: the record as it holds it, and how its headers are read from that.
    const void* source = nullptr;
    std::vector<event::HeaderView> (*read_headers)(const void* source) = nullptr;

    /// As they were given, in order. Read when they are asked for: who does not ask pays nothing.
    std::vector<event::HeaderView> headers() const {
        return read_headers == nullptr ? std::vector<event::HeaderView>{} : read_headers(source);
    }
    /// What it says, as JSON if it is a draft.
    std::string text() const;
};

/// Records in the order of their partition; several partitions may stand in one batch. Owns the bytes.
/// Offsets of a partition rise, unless its topic was deleted and made again: then they begin anew.
class Batch {
  public:
    virtual ~Batch() = default;
    std::vector<Record> records;
};

/// A topic that is to be there. One that exists stays as it is.
struct TopicSpec {
    std::string name;
    std::int32_t partitions = 0;  ///< 0: as configured
    /// Of each key the last record is kept, however old. The embedded bus keeps every record that somebody
    /// has still to read and no other, compacted or not.
    bool compacted = false;
    friend bool operator==(const TopicSpec&, const TopicSpec&) = default;
};

inline constexpr std::size_t default_max_batch = 4096;
inline constexpr std::size_t default_max_queued = 65'536;

/// Reading as a member of a group: the members share the partitions, and what was done is remembered.
struct GroupSubscription {
    std::string topic;
    std::string group;                          ///< not empty
    std::size_t max_batch = default_max_batch;  ///< records in one batch
    /// Records fetched ahead; beyond it the partition is paused, resumed at half.
    std::size_t max_queued = default_max_queued;
};

/// Reading all partitions alone, from where the reader says; nothing is remembered.
struct ReplaySubscription {
    std::string topic;
    /// Records older than this are skipped. Absent: from the beginning.
    std::optional<Timestamp> since{};
    /// By partition, the first offset to read, whatever `since` says. If it lies beyond the partition's end,
    /// the topic was deleted and made again, and is read from its beginning; if it lies before the beginning,
    /// reading goes on there and Stats::missed counts what is gone. A topic that is made again while it is
    /// read begins again too. Partitions that appear later are read from their beginning.
    std::map<std::int32_t, std::int64_t> from{};
    /// The name under which what is done is noted for lag tools; nothing is ever read from there. Empty:
    /// nowhere. The embedded bus shows what was handed out and has no use for it.
    std::string lag_group{};
    std::size_t max_batch = default_max_batch;    ///< as above
    std::size_t max_queued = default_max_queued;  ///< as above
};

/// One reader of one topic. All calls on the strand it was made with.
class Consumer {
  public:
    virtual ~Consumer() = default;

    /// The next batch, at most `limit` later; null after a quiet `limit` or once closed. Survives a broker
    /// that goes away: then it is quiet, and `healthy()` tells.
    virtual awaitable<std::unique_ptr<Batch>> next(std::chrono::milliseconds limit) = 0;

    /// The record's effect is committed: whoever produced it may be told (see MessageBus::produce). In any
    /// order.
    virtual void settle(Place place) = 0;
    /// The record is dealt with for good; settles it too. In any order: what is remembered is the contiguous
    /// edge, so a consumer that dies is given every record again that was not done or stands behind one that
    /// was not.
    virtual void done(Place place) = 0;
    /// Tells whoever produced the record why it is refused; it is dealt with for good then. False, and
    /// nothing is changed, unless the producer still waits, for this record alone: a part of a call cannot be
    /// refused.
    virtual bool refuse(Place place, const Error& why);

    /// True once everything that the topic held when the consumer started was handed out. Of a replay; a
    /// member of a group does not know what others have.
    virtual bool caught_up() const = 0;
    /// 0–100: how much of what the topic held at the start was handed out. Of a replay.
    virtual int caught_up_percent() const = 0;
    /// Without a group, once it is caught up: about how many records it passed over because they stood before
    /// the first that is not older than ReplaySubscription::since.
    virtual std::int64_t too_old() const { return 0; }
    /// Records not handed out yet, as far as known.
    virtual std::int64_t lag() const = 0;
    virtual bool healthy() const = 0;

    /// What was handed out and is not done will not be: `close` need not wait for it.
    virtual void let_go() = 0;
    /// Stops: what was handed out may still be done until this returns; leaves the group. Within about five
    /// seconds.
    virtual awaitable<void> close() = 0;
};

struct PartitionStats {
    std::string topic;
    std::string group;
    std::int32_t partition = 0;
    std::int64_t head = 0;      ///< offset behind the last record
    std::int64_t position = 0;  ///< offset of the next record to be done
};

struct Stats {
    bool connected = true;
    std::uint64_t rebalances = 0;
    std::uint64_t produced = 0;
    std::uint64_t produce_failed = 0;
    std::uint64_t missed = 0;  ///< records that expired in their topic before they were read
    std::uint64_t paused = 0;  ///< partitions paused now because a queue is full
    std::vector<PartitionStats> partitions;
};

/// Partitioned log between modules and the outside.
class MessageBus {
  public:
    virtual ~MessageBus() = default;

    /// Makes sure that the topics exist (created with the configured replication where that is allowed), and
    /// that one that is made again later is made like this.
    virtual awaitable<result<void>> ensure_topics(std::vector<TopicSpec> topics) = 0;

    /// How long a topic keeps its records: for ever where there is none, and no longer than until they are
    /// read where it is zero.
    virtual awaitable<result<std::optional<Duration>>> retention(std::string topic);

    /// True if consumers are in this process: then they get drafts as they were given, and may `refuse`.
    virtual bool in_process() const { return false; }

    /// Gives messages to the bus, all or none as far as it can tell, in order per key. Completes with their
    /// places when the bus keeps its promise: kafka has them on all in-sync replicas; embedded, whose log is
    /// only memory, once every group subscribed to the topic has settled them. Bounded: `busy` beyond the
    /// bound. A record that its consumer refuses fails with that error. Any strand; resumes on the caller's.
    virtual awaitable<result<std::vector<Place>>> produce(std::vector<Message> messages) = 0;

    /// `strand`: where the consumer is used.
    virtual std::unique_ptr<Consumer> subscribe(GroupSubscription subscription,
                                                const aio::Strand& strand) = 0;
    virtual std::unique_ptr<Consumer> replay(ReplaySubscription subscription, const aio::Strand& strand) = 0;

    virtual bool healthy() const = 0;
    virtual Stats stats() const = 0;
    /// Ends what is produced (with errors, if need be) and stops. Consumers are closed before.
    virtual awaitable<void> close() = 0;
    virtual std::string_view kind() const = 0;
};

}  // namespace stepcast::bus

template <>
struct std::is_error_code_enum<stepcast::bus::errc> : std::true_type {};
