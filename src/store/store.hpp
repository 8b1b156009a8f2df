#pragma once
#include <boost/container/small_vector.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "aio/types.hpp"
#include "base/result.hpp"
#include "event/event.hpp"
#include "event/header.hpp"

namespace stepcast::store {

using aio::awaitable;
using event::Category;
using event::Draft;
using event::EventRef;
using event::Position;
using event::Version;

enum class errc {
    wrong_expected_version = 1,  ///< the stream is not where the writer believed
    idempotency_conflict,        ///< the event id is known with another body
    partly_known,                ///< some events of one append are known, some are not
    full,  ///< a bound reached (store.max_bytes, store.permanent_max_bytes) and nothing finished is left to
           ///< go
    unavailable,  ///< the medium cannot be written or read now; try again later
    trimmed,      ///< the version asked for was folded into a snapshot
    held,         ///< the lease is another holder's
    fenced,       ///< the commit's lease went to another holder, or ran out
};
std::error_code make_error_code(errc e);

/// What the writer believes of the stream; a wrong belief writes nothing.
struct Expected {
    enum class Kind : std::uint8_t { any, no_stream, stream_exists, exact };
    Kind kind = Kind::any;
    Version version = 0;  ///< for exact; exact(0) is no_stream

    static Expected any() { return {}; }
    static Expected no_stream() { return {Kind::no_stream, 0}; }
    static Expected stream_exists() { return {Kind::stream_exists, 0}; }
    static Expected exact(Version v) { return {Kind::exact, v}; }

    /// Whether it names one version, which is then `version`.
    bool is_exact() const { return kind == Kind::exact || kind == Kind::no_stream; }
};

/// Events for one stream, in order. The stream is the category and stream_id that all of them carry.
struct Append {
    Expected expected;
    boost::container::small_vector<Draft, 1> events;
};

/// Place of a consumed record, as its consumer sees it. The texts outlive the call.
struct SourceOffset {
    std::string_view consumer;
    std::string_view topic;
    std::int32_t partition = 0;
    std::int64_t offset = 0;
    bool restarts = false;  ///< the topic began again: this offset holds, even if it is below the stored one
};

/// A partition's offset that was stored last.
struct PartitionOffset {
    std::int32_t partition = 0;
    std::int64_t offset = 0;
    friend bool operator==(const PartitionOffset&, const PartitionOffset&) = default;
};

/// A message that a commit still owes the bus. Its id is unique among those that are pending.
struct OutboxMessage {
    std::string id;
    std::string topic;
    std::string key;
    std::string value;
    std::vector<event::Header> headers{};
};

/// A message of the outbox with its place there; numbers rise.
struct PendingMessage {
    std::uint64_t number = 0;
    OutboxMessage message;
    Timestamp at{};  ///< when its commit was written
};
/// Never null; the message never changes. Any thread may hold one.
using PendingRef = std::shared_ptr<const PendingMessage>;

/// That a consumer has handled a message, and what it answered.
struct InboxMark {
    std::string consumer;
    std::string message_id;
    Timestamp expires{};   ///< remembered until then, or until the cleanup after it
    std::string answer{};  ///< given again to whoever sends the message again; may be empty
};

/// A deadline that outlives the process. Its id is unique among those that are set.
struct Timer {
    std::string id;
    Timestamp due{};
    std::string kind;  ///< whom it concerns: chosen by who sets it
    std::string payload;
};

/// A fold saved at a version. Optional always, except below first_version, where it is all there is.
struct Snapshot {
    Version version = 0;
    std::uint32_t schema = 0;  ///< version of the state's layout; a reader ignores one it does not know
    std::string state;
};

/// A snapshot that a commit saves beside its stream's events. Its version may be one that the commit itself
/// writes; one beyond that is refused as wrong_expected_version.
struct SnapshotDraft {
    const Category* category = nullptr;
    std::string stream_id;
    Snapshot snapshot;
};

/// A stream that a commit erases, whatever it holds, with what the commit itself appends to it.
struct Erase {
    const Category* category = nullptr;
    std::string stream_id;
};

/// That its holder has a lease: a commit that carries it is refused as `fenced` once another took the lease.
/// Tokens of one lease rise.
struct Fence {
    std::string lease;
    std::uint64_t token = 0;
};

/// The one atomic write: all of it or nothing. If all of its events are known, it is a repeat, perhaps
/// decided on another state than they were: then its outbox, timers (also those that it fires) and snapshots
/// are left out, because those of the first commit hold.
struct Commit {
    boost::container::small_vector<Append, 1> appends;
    /// An offset not above the stored one makes the whole commit succeed with no effect. A refusal does not
    /// move it, and behind it no other commit of the same call moves that partition's: an offset stands for
    /// every record below it. Whoever gives up on a record moves the offset with a commit of its own.
    std::optional<SourceOffset> source{};
    /// When the events count as recorded; the store's clock if absent. A rebuild from a topic gives the
    /// record's time.
    std::optional<Timestamp> recorded_at{};
    std::vector<OutboxMessage> outbox{};  ///< one that is pending already stays as it is
    std::vector<std::string> sent{};  ///< ids of messages that are no more pending; unknown ones do no harm
    /// One that is known makes the whole commit succeed with no effect but that its source offset moves.
    std::optional<InboxMark> inbox{};
    std::vector<std::string> fired{};  ///< ids of timers that are set no more, removed before `timers` are
                                       ///< set; unknown ones do no harm
    std::vector<Timer> timers{};       ///< one that is set already is replaced
    std::vector<SnapshotDraft> snapshots{};  ///< one older than the stored one changes nothing
    /// Their events leave every read at once and the medium in the same transaction, where their bytes are
    /// overwritten. Announced as a loss, like an expiry; streams that do not exist do no harm.
    std::vector<Erase> erase{};
    std::optional<Fence> fence{};
};

/// What became of a commit. Of several events: of the last one.
struct Receipt {
    Version version = 0;
    Position position = 0;
    bool deduplicated = false;  ///< every event was known with the same fingerprint; version and position are
                                ///< the first write's. Or the offset or the inbox mark was: then they are 0
};

/// Why a commit was refused. For wrong_expected_version both numbers are set.
struct Refusal {
    errc code{};
    Version expected = 0;
    Version actual = 0;
    std::string detail{};
};

using CommitResult = result<Receipt, Refusal>;

/// Which events: those with `from <= n <= to`, by version (one stream) or position (any read), at most
/// `limit`.
struct Range {
    enum class By : std::uint8_t { version, position };
    By by = By::position;
    std::uint64_t from = 1;
    std::uint64_t to = UINT64_MAX;
    std::size_t limit = 100;
};

/// Which categories a read is about.
using Categories = std::span<const Category* const>;

/// One page of a read, in order.
struct Page {
    std::vector<EventRef> events;
    /// Every number of the range up to here is decided: what is not in `events` does not exist or has
    /// expired. The next page starts at through + 1.
    std::uint64_t through = 0;
    bool more = false;  ///< the range holds further events
    /// The last position that what was read has lost to expiry, or the global floor if that is higher. A
    /// client whose cursor is below it has lost something.
    Position lost_through = 0;
};

/// What a store knows of a stream without reading it.
struct StreamInfo {
    Version version = 0;  ///< 0: no such stream (it may have expired)
    Version first_version =
        1;  ///< the lowest version that can still be read; above 1 once a snapshot replaced the oldest
    Position last_position = 0;
    Position lost_through = 0;  ///< as in Page
};

/// A stream that cleanup removed.
struct ExpiredStream {
    const Category* category = nullptr;
    std::string stream_id;
    std::string subject;
    Position through = 0;
};

/// A stream that holds more events than Limits::max_events_per_stream: its owner should trim it with a
/// snapshot.
struct Oversized {
    const Category* category = nullptr;
    std::string stream_id;
};

struct Stats {
    Position head = 0;
    std::uint64_t events = 0;
    std::uint64_t bytes = 0;            ///< that count against max_bytes
    std::uint64_t beside = 0;           ///< of them, what `hold` was told
    std::uint64_t permanent_bytes = 0;  ///< that count against permanent_max_bytes
    std::uint64_t streams = 0;
    std::uint64_t committed = 0;
    std::uint64_t deduplicated = 0;
    std::uint64_t expired = 0;                 ///< events removed by cleanup, early expiry included
    std::uint64_t pending = 0;                 ///< messages that the bus is owed
    std::optional<Timestamp> pending_since{};  ///< of the oldest of them
};

/// What of it is of one category.
struct CategoryStats {
    const Category* category = nullptr;
    std::uint64_t events = 0;
    std::uint64_t streams = 0;
    std::uint64_t committed = 0;
    std::uint64_t deduplicated = 0;
    std::uint64_t expired = 0;
};

/// Bounds and lifetimes of what is stored.
struct Limits {
    Duration ttl = std::chrono::hours{24};           ///< a finished stream, after its last event
    Duration running_ttl = std::chrono::hours{168};  ///< a running one
    Duration tombstone_ttl =
        std::chrono::hours{168};  ///< how long an expired stream's lost_through is remembered
    std::uint64_t max_bytes = 0;  ///< of the categories that expire, and all besides events; 0: no bound
    std::uint64_t max_tombstone_bytes = 0;          ///< of those; 0: a sixteenth of max_bytes
    std::uint64_t permanent_max_bytes = 0;          ///< of the categories that never expire; 0: no bound
    std::uint64_t max_events_per_stream = 100'000;  ///< beyond it the owner of the category is asked to trim
    /// Versions of a stream that never expires after which one of its snapshots stays beside the newest; 0:
    /// none stays.
    Version snapshot_stays_every = 1000;
    /// How long the row of a message that was sent stands in a journal, with the time of it, for people.
    Duration sent_keep = std::chrono::hours{1};
    std::uint64_t max_sent_bytes = 16 * 1024 * 1024;  ///< of those rows; beyond it the oldest leave earlier
};

/// Committed events in position order, as one node sees them. Hints only: a reader also polls.
class Feed {
  public:
    virtual ~Feed() = default;
    /// Calls `hint` on the core strand after the head has moved, until the next call of on_change. It must
    /// not block.
    virtual void on_change(std::function<void()> hint) = 0;
    /// The reader has everything up to here: a store at its bound expires early only what was read. Without a
    /// call everything counts as read.
    virtual void read_through(Position position) = 0;
    /// Calls `told` on the core strand after the store's epoch changed, until the next call of on_new_epoch:
    /// positions name other events now, and everything that was folded or told is to be begun anew. It must
    /// not block. Stores that live in one process never call it.
    virtual void on_new_epoch(std::function<void()> told) = 0;
};

/// The events of everything. Every call is made on, and resumes on, the core strand. Reads of a category that
/// expires never suspend on a store in this process, so that several reads and a look at a projection can
/// share one turn; other reads may suspend, and so may every read of a store elsewhere.
class EventStore {
  public:
    virtual ~EventStore() = default;

    /// Writes the commits as one durable group, each with an outcome of its own, in order; behind one that is
    /// refused as `full` or `unavailable` nothing new is written, so that a retry keeps the order. Behind one
    /// that names a version and does not lead to it (refused, or its mark was known) no other commit of the
    /// call that names a version of that stream is written: it was decided on what is not there, and another
    /// writer's events may have made its version true. `commits` must outlive the call. Their drafts are
    /// sealed in place: numbered, and shared with the store from then on. A draft that was refused, or sealed
    /// by a call that then failed, may be sent again as it is. Never throws.
    virtual awaitable<std::vector<CommitResult>> commit_many(std::span<Commit> commits) = 0;

    virtual awaitable<result<Page>> read_stream(const Category& category, std::string_view stream_id,
                                                Range range) = 0;
    /// By position only, events of these categories; their list outlives the call.
    virtual awaitable<result<Page>> read_subject(std::string_view subject, Categories categories,
                                                 Range range) = 0;
    /// By position only.
    virtual awaitable<result<Page>> read_all(Range range) = 0;
    virtual awaitable<result<StreamInfo>> stream_info(const Category& category,
                                                      std::string_view stream_id) = 0;
    /// Puts the event with each id of a stream in its place in `found`, which is as long as `event_ids`; null
    /// where the store holds none.
    virtual awaitable<result<void>> find_events(const Category& category, std::string_view stream_id,
                                                std::span<const std::string_view> event_ids,
                                                std::span<EventRef> found) = 0;
    /// The event with this id in a stream; null if the store holds none.
    awaitable<result<EventRef>> find_event(const Category& category, std::string_view stream_id,
                                           std::string_view event_id);
    /// lost_through of a subject in these categories, without reading its events.
    virtual awaitable<result<Position>> subject_lost_through(std::string_view subject,
                                                             Categories categories) = 0;
    /// The offsets stored last for a consumer's topic, by partition; those without one are absent.
    virtual awaitable<result<std::vector<PartitionOffset>>> source_offsets(std::string_view consumer,
                                                                           std::string_view topic) = 0;
    /// The mark of a message that a consumer has handled; none if it has not, or has forgotten.
    virtual awaitable<result<std::optional<InboxMark>>> handled(std::string_view consumer,
                                                                std::string_view message_id) = 0;
    /// Takes a lease, or prolongs one's own, until `duration` from now; refused as `held` while another
    /// holder has it. The token rises when the holder changes. A lease ends with the process of a store that
    /// lives in it.
    virtual awaitable<result<Fence>> lease(std::string_view name, std::string_view holder,
                                           Duration duration) = 0;
    /// Messages pending for the bus, the oldest first: at most `limit` of those numbered above `after`.
    virtual awaitable<result<std::vector<PendingRef>>> outbox(std::uint64_t after, std::size_t limit) = 0;
    /// Timers whose time has come at `now`, the earliest first, at most `limit`. They stay set until a commit
    /// says that they have fired.
    virtual awaitable<result<std::vector<Timer>>> due(Timestamp now, std::size_t limit) = 0;

    /// Replaces the events up to snapshot.version, if `trim`, or stands beside them.
    virtual awaitable<result<void>> save_snapshot(const Category& category, std::string_view stream_id,
                                                  Snapshot snapshot, bool trim) = 0;
    /// The one with the greatest version up to `through` of those that are kept: the newest and, of streams
    /// that never expire, one per Limits::snapshot_stays_every versions. One that cannot be read is passed
    /// over. The id outlives the call.
    virtual awaitable<result<std::optional<Snapshot>>> load_snapshot(const Category& category,
                                                                     std::string_view stream_id,
                                                                     Version through = UINT64_MAX) = 0;

    /// Removes what is due at `now`, at most for about one millisecond; `done` false means: call again soon.
    /// Also expires the oldest finished streams early while the store is at its bound.
    struct Expired {
        /// A stream of that name may live again by now: what is known of it from behind `through` still
        /// holds.
        std::vector<ExpiredStream> streams;
        std::vector<Oversized> oversized;  ///< asked with each last call, until they are trimmed
        bool done = true;
    };
    virtual awaitable<result<Expired>> cleanup(Timestamp now) = 0;

    /// Bytes that are held beside the store for what it stores: folds above all. They count against max_bytes
    /// like its own, until the next call.
    virtual void hold(std::uint64_t bytes) = 0;

    virtual Feed& feed() = 0;
    virtual Position head() const = 0;
    /// Names this history of positions; 1–16 of [0-9a-z].
    virtual std::string_view epoch() const = 0;
    virtual Stats stats() const = 0;
    /// By category, of those that have been written to; valid until the next call of anything else.
    virtual std::span<const CategoryStats> category_stats() const = 0;

    /// Ends what is being written. No other call is made after it. Call it before destruction.
    virtual awaitable<void> close() = 0;
};

}  // namespace stepcast::store

template <>
struct std::is_error_code_enum<stepcast::store::errc> : std::true_type {};
