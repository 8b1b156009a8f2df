#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "aio/notice.hpp"
#include "base/heap.hpp"
#include "base/time.hpp"
#include "store/memory/archive.hpp"
#include "store/memory/change_log.hpp"
#include "store/memory/inbox.hpp"
#include "store/memory/kept_snapshots.hpp"
#include "store/memory/leases.hpp"
#include "store/memory/outbox.hpp"
#include "store/memory/retention.hpp"
#include "store/memory/stream.hpp"
#include "store/memory/timers.hpp"
#include "store/memory/tombstones.hpp"
#include "store/store.hpp"

namespace stepcast::store {

/// Keeps everything in this process. Reads answer without suspending; `commit_many` gives others on
/// the core strand a turn after each millisecond's work. A commit becomes visible whole, in the turn that
/// writes it.
///
/// With an archive the bytes of some events leave memory, see LetsGo; their indexes stay. What needs such an
/// event reads it there, and suspends meanwhile: a read, and a commit with an event that may be a repeat of
/// it.
///
/// An event id is known as long as its event can be read: a retry of an event that was trimmed or expired is
/// a new event. A stream that expired and comes back starts again at version 1; positions go on, and its
/// lost_through stays in force.
class MemoryStore final : public EventStore {
  public:
    using Deadline = std::chrono::steady_clock::time_point;

    /// `clock` outlives the store.
    explicit MemoryStore(Limits limits, const Clock& clock = system_clock());
    /// One that continues a history: `epoch` is its name, and `log`, which outlives the store, is told of
    /// every change but those by `restore`.
    MemoryStore(Limits limits, const Clock& clock, std::string epoch, ChangeLog& log);
    ~MemoryStore() override;

    /// Before anything else: events may be let go, and are read from `archive`, which outlives the store.
    void let_go(Archive& archive, LetsGo which);
    /// Lets go of what is due, some hundred events at most.
    void let_go_due();
    /// Events that are to be let go once the feed's reader has them, as entries of a few events.
    std::size_t waiting_to_go() const { return leaving_.size(); }

    /// The feed's hint is called before this returns, once for all commits that became visible together.
    awaitable<std::vector<CommitResult>> commit_many(std::span<Commit> commits) override;

    awaitable<result<Page>> read_stream(const Category& category, std::string_view stream_id,
                                        Range range) override;
    awaitable<result<Page>> read_subject(std::string_view subject, Categories categories,
                                         Range range) override;
    /// A page over a wide expired hole may hold few events, or none, with `more` set.
    awaitable<result<Page>> read_all(Range range) override;
    awaitable<result<StreamInfo>> stream_info(const Category& category, std::string_view stream_id) override;
    /// As if nothing above `through` were there. At once.
    StreamInfo info_until(const Category& category, std::string_view stream_id, Position through) const;
    awaitable<result<void>> find_events(const Category& category, std::string_view stream_id,
                                        std::span<const std::string_view> event_ids,
                                        std::span<EventRef> found) override;
    awaitable<result<Position>> subject_lost_through(std::string_view subject,
                                                     Categories categories) override;
    awaitable<result<std::vector<PartitionOffset>>> source_offsets(std::string_view consumer,
                                                                   std::string_view topic) override;
    awaitable<result<std::optional<InboxMark>>> handled(std::string_view consumer,
                                                        std::string_view message_id) override;
    awaitable<result<Fence>> lease(std::string_view name, std::string_view holder,
                                   Duration duration) override;
    awaitable<result<std::vector<PendingRef>>> outbox(std::uint64_t after, std::size_t limit) override;
    awaitable<result<std::vector<Timer>>> due(Timestamp now, std::size_t limit) override;

    /// A snapshot beyond the stream's version is refused as wrong_expected_version; one older than the stored
    /// one changes nothing.
    awaitable<result<void>> save_snapshot(const Category& category, std::string_view stream_id,
                                          Snapshot snapshot, bool trim) override;
    awaitable<result<std::optional<Snapshot>>> load_snapshot(const Category& category,
                                                             std::string_view stream_id,
                                                             Version through = UINT64_MAX) override;

    awaitable<result<Expired>> cleanup(Timestamp now) override;
    /// What may still go for want of room.
    enum class Room : std::uint8_t {
        none,    ///< nothing finished is left
        unread,  ///< something finished is left, and the feed's reader does not have it yet
        more,    ///< another step frees more
    };
    /// One step of some microseconds that frees room: the finished stream with the oldest last event, of
    /// those that the feed's reader has, expires, or leaves the indexes by a part. The next cleanup tells of
    /// it.
    Room free_some(Timestamp now);
    /// Waits for the feed's reader to get on, or until `deadline`; false then.
    awaitable<bool> wait_read(Deadline deadline);

    /// What was there when the history was left: losses first, then streams, then events by position, at last
    /// the head. An event that does not follow its stream's last one is refused: false. Whoever restores may
    /// let finished streams go for room meanwhile: what follows of such a stream goes, too, until it opens
    /// again.
    void restore(const Loss& loss);
    /// A subject's loss that was not written down before the history was left.
    void restore_hidden_loss(const Loss& loss);
    void restore_floor(Position floor) { tombstones_.raise_floor(floor); }
    MemoryStream& restore(const Category& category, StreamHead head, std::optional<Snapshot> snapshot);
    bool restore(const Draft& event, Version version, Position position, Timestamp recorded_at);
    /// An event about whom its stream began with, behind its snapshot, whose bytes are in the archive only.
    /// The stream is of a category that never expires. The feed's reader is not given it.
    bool restore(MemoryStream& stream, const AwayEvent& event);
    void restore_head(Position head) {
        all_.skip_to(head);
        cut_.reset();
    }
    bool beyond_bound() const { return limits_.max_bytes != 0 && bytes() > limits_.max_bytes; }
    void restore(const SourceOffset& source);
    void restore(PendingMessage message) {
        if (message.at == Timestamp{}) message.at = clock_.now();  // from before such times were written down
        outbox_.restore(std::make_shared<const PendingMessage>(std::move(message)));
    }
    void restore(const SentMessage& message) { outbox_.keep(message); }
    void restore(const InboxMark& mark) { inbox_.add(mark); }
    void restore(Timer timer) { timers_.set(std::move(timer)); }

    /// What a commit takes besides its events, in bytes.
    static std::uint64_t cost_besides_events(const Commit& commit);

    void hold(std::uint64_t bytes) override { beside_ = bytes; }
    Feed& feed() override { return feed_; }
    Position head() const override { return all_.head(); }
    std::string_view epoch() const override { return epoch_; }
    Stats stats() const override;
    std::span<const CategoryStats> category_stats() const override { return by_category_; }
    awaitable<void> close() override { co_return; }

  private:
    struct HintFeed final : Feed {
        void on_change(std::function<void()> to) override { hint = std::move(to); }
        void read_through(Position position) override;
        void on_new_epoch(std::function<void()>) override {}
        std::function<void()> hint;
        Position read = UINT64_MAX;
        Position passed = 0;             // the greatest that `read` was
        std::list<aio::Notice> waiting;  // for `read` to move
    };

    // Events that were read from the archive for a call, by position; null: there is none. `missing`: what
    // the call cannot go on without.
    struct Recalled {
        boost::unordered_flat_map<Position, EventRef> events;
        std::vector<Position> missing;
    };

    // A page as it is drawn in one turn: events whose bytes are away are null, and `away` says which they
    // are.
    struct Drawn {
        Page page;
        std::vector<Position> away;
        bool add(const Range& range, const event::Event* event, Position position, std::uint64_t number);
    };

    // Events of a stream that are to be let go up to a version.
    struct Leaving {
        MemoryStream* stream;
        Version through;
    };

    // What the commits of one call know of each other; several calls may be under way.
    struct Call {
        bool full = false;                      // one did not fit: no later one is written before it
        bool permanent_full = false;            // likewise, of what never expires
        bool waits = false;                     // the one at hand does not fit until something more has gone
        bool patient = true;                    // and what may go then is worth the wait
        std::vector<const SourceOffset*> held;  // one from there was refused: the offset moves no further
        std::vector<const event::Event*> broken;  // one of their streams did not come to where it was to lead
        Recalled recalled;                        // what may be repeated
        std::string unreadable;                   // why it could not be read: nothing more is written
        bool holds(const SourceOffset& source) const;
        void note(const Commit& commit, const CommitResult& outcome);
        bool breaks(const Append& append) const;
    };

    // One append of the commit at hand: what it would do.
    struct Plan {
        const Append* append;
        MemoryStream* stream;  // none yet
        std::uint64_t hash;
        bool known;
        Version version = 0;  // of the last event, if it is known
        Position position = 0;
    };

    struct Source {
        std::string consumer;
        std::string topic;
        std::int32_t partition;
        std::int64_t offset;
    };

    // Events that no read shows any more and that are still to be removed from the indexes, the newest first.
    struct Removal {
        const Category* category = nullptr;
        std::string stream_id;
        Position through = 0;
        Timestamp at{};                    // when they were lost
        bool mixed = false;                // what their subjects have lost is told as they are removed
        bool holds_subject = false;        // counts as a stream of `subject`
        MemorySubject* subject = nullptr;  // of the stream's first event
        MemoryStream* stream = nullptr;    // that lives on, after a trim
        EventList events;
        std::size_t left = 0;  // of `events`
    };

    // What a subject, or a stream, is that has lost something.
    struct Lost {
        const Category& category;
        bool of_subject;
        std::string_view name;
        std::uint64_t hash;
    };

    // About a millisecond's work.
    static constexpr std::size_t turn_step = 4096;

    // Index entries of one event but its place in the position index, of one stream and of one subject: their
    // share of tables that are between half and wholly full, and the first blocks of their lists.
    static constexpr std::uint64_t bytes_per_event = 32;
    static constexpr std::uint64_t bytes_per_stream = heap_bytes(sizeof(MemoryStream)) + 112;
    static constexpr std::uint64_t bytes_per_subject = heap_bytes(sizeof(MemorySubject)) + 64;
    static std::uint64_t cost(const event::Event& event) {
        return heap_bytes(event.memory()) + bytes_per_event;
    }
    static std::uint64_t cost(const EventSlot& slot) {
        return slot.event() == nullptr ? bytes_per_event : cost(*slot.event());
    }

    void begin_turn();
    void tell(Position& told);
    CommitResult commit_one(const Commit& commit, Call& call);
    awaitable<void> overcome(Call& call, Deadline patience);
    awaitable<result<void>> recall(Recalled& recalled);
    const event::Event* event_of(const EventSlot& slot, Recalled& recalled) const;
    std::optional<std::size_t> index_of(const MemoryStream& stream, std::string_view event_id,
                                        Recalled& recalled) const;
    std::optional<Refusal> judge(const Commit& commit, Call& call);
    bool repeats() const;
    std::optional<Refusal> judge_room(const Commit& commit, const Call& call);
    std::uint64_t& bytes_of(const Category& category) { return category.expires ? bytes_ : permanent_bytes_; }
    CategoryStats& stats_of(const Category& category);
    std::optional<Refusal> judge(const Append& append, Version planned, Plan& plan, Recalled& recalled) const;
    std::optional<Refusal> refuse_repeats() const;
    std::optional<Refusal> judge_snapshots(const Commit& commit) const;
    Version planned_for(const Category& category, std::string_view stream_id) const;
    Receipt write(const Commit& commit);
    void write_besides_events(const Commit& commit);
    void write_what_follows(const Commit& commit);
    void keep_sent(const SentMessage& sent);
    bool forget_sent(Timestamp until, std::size_t count);
    std::vector<Oversized> still_oversized();
    void keep_snapshot(MemoryStream& stream, Snapshot snapshot, bool trim);
    void let_stay(MemoryStream& stream);
    awaitable<std::optional<Snapshot>> stayed(const Category& category, std::string_view stream_id,
                                              Version through);
    void erase(const Erase& erase);
    void append(MemoryStream& stream, const Draft& draft, Timestamp recorded_at);
    void index(MemoryStream& stream, const EventRef& event);
    void add_last(MemoryStream& stream, EventSlot slot, std::uint32_t id_hash, Timestamp recorded_at);
    MemoryStream& open_stream(const Category& category, std::string_view id, std::string_view subject,
                              std::uint64_t hash);
    static StreamHead head_of(const MemoryStream& stream);
    MemorySubject* subject_of(const event::Event& event, MemoryStream& stream);
    MemorySubject& open_subject(const Category& category, std::string_view name);
    Source* find_source(const SourceOffset& source);
    void move_source(Source* known, const SourceOffset& to);

    MemoryStream* find(const Category& category, std::string_view stream_id) const;
    static Drawn page_of(const MemoryStream& stream, Range range);
    struct Positions {
        std::vector<Position> found;
        Position through = 0;
        bool more = false;
    };
    Positions positions_of(const MemorySubject& subject, Range range) const;
    bool hidden(const event::Event& event) const;
    bool shows(Position position) const;
    awaitable<result<Page>> fetch(Drawn drawn);

    bool lets_go(const Category& category) const {
        return archive_ != nullptr && (!category.expires || lets_go_ == LetsGo::everything);
    }
    void let_go_behind(MemoryStream& stream, Version version);
    void let_go_of(MemoryStream& stream, Version version);

    bool make_room(std::uint64_t bytes_needed);
    awaitable<bool> more_room(Deadline patience);
    void expire(MemoryStream& stream, Timestamp now);
    void lose(const MemoryStream& stream, Position through, Timestamp at);
    void lose(const Lost& lost, Position through, Timestamp at);
    Position lost_by(const Category& category, std::string_view subject) const;
    void forget_oldest_loss();
    void trim_through(MemoryStream& stream, Version version);
    void remove_later(Removal removal);
    void remove_last(Removal& removal);
    awaitable<void> remove_erased();
    bool removing() const { return !removals_.empty() || beyond_tombstones(); }
    bool drain(std::size_t count);
    void drop_if_idle(MemorySubject& subject);
    bool beyond_tombstones() const;
    bool restore_cut(const Draft& event, Version version, Position position, Timestamp recorded_at);
    bool cleanup_step(Timestamp now);
    std::uint64_t bytes() const {
        return bytes_ + all_.memory() + tombstones_.memory() + outbox_.memory() + inbox_.memory() +
               timers_.memory() + beside_;
    }

    const Limits limits_;
    const Clock& clock_;
    const std::string epoch_;
    ChangeLog* const log_;        // null: nobody writes anything down
    Archive* archive_ = nullptr;  // null: nothing leaves
    LetsGo lets_go_ = LetsGo::behind_snapshots;
    HintFeed feed_;

    StreamTable streams_;
    SubjectTable subjects_;
    PositionIndex all_;
    Retention retention_;  // refers to streams, so it goes first
    Tombstones tombstones_;
    std::vector<Source> sources_;
    std::size_t last_source_ = 0;
    KeptSnapshots kept_snapshots_;
    Outbox outbox_;
    Inbox inbox_;
    Timers timers_;
    Leases leases_;

    /// Streams, by hash, that expired while the store was restored.
    std::optional<boost::unordered_flat_set<std::uint64_t>> cut_;

    std::deque<Leaving> leaving_;        // in the order of their positions, about
    std::deque<Removal> removals_;       // hardly ever more than one
    std::deque<ExpiredStream> expired_;  // not yet told by cleanup
    std::vector<Oversized> oversized_;   // those that were once

    std::vector<Plan> plan_;             // of the commit at hand; a member only to keep its memory
    Room room_ = Room::none;             // what may still go, if the commit at hand did not fit
    bool erased_ = false;                // the commit at hand erased something
    bool made_room_ = false;             // for the commit at hand, or one before it
    Deadline turn_end_{};                // of the group at hand, as it is now
    Timestamp now_{};                    // of the group at hand
    bool permanent_refused_ = false;     // it was the bound of what never expires
    std::uint64_t bytes_ = 0;            // of events, streams, subjects and snapshots that expire
    std::uint64_t permanent_bytes_ = 0;  // of those that never do
    std::uint64_t beside_ = 0;           // what others hold for it
    std::vector<CategoryStats> by_category_;
};

}  // namespace stepcast::store
