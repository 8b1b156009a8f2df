#pragma once
#include <asio/thread_pool.hpp>
#include <atomic>
#include <list>

#include "aio/gate.hpp"
#include "aio/notice.hpp"
#include "aio/offload.hpp"
#include "aio/stop.hpp"
#include "base/histogram.hpp"
#include "store/journal/file.hpp"
#include "store/memory/memory_store.hpp"

namespace stepcast::store {

/// A memory store that outlives its process: it writes every change to a journal, on a thread of its own,
/// before the change is acknowledged or can be read. A group is what arrived while the previous one was
/// being written.
///
/// Commits are numbered in memory at once and read only when they are durable. While the journal cannot be
/// written, commits are refused as `unavailable` (or `full`), what was numbered already is tried again until
/// it is written, and a retry of a refused commit finds it as a duplicate. Reads go on.
///
/// Of streams that never expire what stands behind their newest snapshot is in the file only, and read from
/// there by a connection and a thread of its own, a page at a time.
class JournaledStore final : public EventStore, private Archive {
  public:
    /// `strand` is the core; `file` is open; `clock` outlives the store. `limit`: Options::max_bytes of the
    /// file.
    JournaledStore(aio::Strand strand, std::unique_ptr<JournalFile> file, Limits limits,
                   std::uint64_t journal_limit, const Clock& clock = system_clock());
    ~JournaledStore() override;

    /// Before load.
    void let_go(LetsGo which) { lets_go_ = which; }
    /// Before load: whoever folds the feed begins streams at snapshots of these kinds, so that it is not
    /// given what stands below them and read while loading. Of categories that never expire.
    void begin_at(std::vector<SnapshotKind> kinds) { begins_at_ = std::move(kinds); }
    /// Reads everything back, or leaves off once `stop` is raised. Nothing is committed before it has
    /// returned; reads see what is there already.
    awaitable<result<void>> load(const aio::Stop& stop);
    /// 0–100. Any thread.
    int loaded_percent() const { return percent_.load(std::memory_order_relaxed); }
    /// False while the journal cannot be written. Any thread.
    bool healthy() const { return healthy_.load(std::memory_order_relaxed); }
    /// Finds out, while nothing is written, whether the file is still what its name means; a file that was
    /// moved, deleted or replaced makes the store unhealthy until it is back. To be called each second. Core
    /// strand.
    void look();
    /// Of the file. Core strand.
    JournalFile::Size size() const { return size_; }
    /// Seconds that a group took to become durable.
    const Histogram& write_seconds() const { return write_seconds_; }

    awaitable<std::vector<CommitResult>> commit_many(std::span<Commit> commits) override;

    awaitable<result<Page>> read_stream(const Category& category, std::string_view stream_id,
                                        Range range) override;
    awaitable<result<Page>> read_subject(std::string_view subject, Categories categories,
                                         Range range) override;
    awaitable<result<Page>> read_all(Range range) override;
    awaitable<result<StreamInfo>> stream_info(const Category& category, std::string_view stream_id) override;
    awaitable<result<void>> find_events(const Category& category, std::string_view stream_id,
                                        std::span<const std::string_view> event_ids,
                                        std::span<EventRef> found) override;
    awaitable<result<Position>> subject_lost_through(std::string_view subject,
                                                     Categories categories) override {
        return memory_.subject_lost_through(subject, categories);
    }
    awaitable<result<std::vector<PartitionOffset>>> source_offsets(std::string_view consumer,
                                                                   std::string_view topic) override {
        return memory_.source_offsets(consumer, topic);
    }
    awaitable<result<std::optional<InboxMark>>> handled(std::string_view consumer,
                                                        std::string_view message_id) override;
    awaitable<result<Fence>> lease(std::string_view name, std::string_view holder,
                                   Duration duration) override {
        return memory_.lease(name, holder, duration);
    }
    awaitable<result<std::vector<PendingRef>>> outbox(std::uint64_t after, std::size_t limit) override;
    awaitable<result<std::vector<Timer>>> due(Timestamp now, std::size_t limit) override;
    awaitable<result<void>> save_snapshot(const Category& category, std::string_view stream_id,
                                          Snapshot snapshot, bool trim) override;
    awaitable<result<std::optional<Snapshot>>> load_snapshot(const Category& category,
                                                             std::string_view stream_id,
                                                             Version through = UINT64_MAX) override {
        return memory_.load_snapshot(category, stream_id, through);
    }
    awaitable<result<Expired>> cleanup(Timestamp now) override;

    void hold(std::uint64_t bytes) override { memory_.hold(bytes); }
    Feed& feed() override { return feed_; }
    Position head() const override { return durable_; }
    std::string_view epoch() const override { return memory_.epoch(); }
    Stats stats() const override;
    std::span<const CategoryStats> category_stats() const override { return memory_.category_stats(); }
    awaitable<void> close() override;

  private:
    struct DurableFeed final : Feed {
        explicit DurableFeed(JournaledStore& of) : owner{of} {}
        void on_change(std::function<void()> to) override { hint = std::move(to); }
        void read_through(Position position) override {
            read = position;
            owner.bound_expiry();
        }
        void on_new_epoch(std::function<void()>) override {}
        JournaledStore& owner;
        std::function<void()> hint;
        Position read = UINT64_MAX;
    };
    struct Waiter {
        std::uint64_t ticket;
        aio::Notice notice;
    };

    /// What is being written, and where memory was at its last change.
    struct UnderWay {
        JournalGroup group;
        Position head;
        std::uint64_t ticket;
    };

    void write_soon();
    void tell_pinned();
    awaitable<void> write_all();
    awaitable<bool> write_group();
    awaitable<bool> durable(std::uint64_t ticket);
    void wake();
    awaitable<void> until_whole();
    void compose(std::uint64_t room);
    void acknowledge(const JournalFile::Size& size);
    void tell_trouble(const Error& error);
    std::uint64_t expected_size() const;
    std::uint64_t soft_limit() const { return limit_ - limit_ / 16; }
    std::uint64_t most_pending() const;
    awaitable<MemoryStore::Room> shrink_to(std::uint64_t size, MemoryStore::Deadline patience);
    awaitable<bool> grow_room(int attempt);
    void bound_expiry();
    awaitable<result<std::vector<EventRef>>> read_rows(std::span<const Position> positions) override;
    awaitable<std::optional<KeptSnapshot>> read_kept(const Category& category, std::string_view stream_id,
                                                     Version through) override;
    awaitable<std::size_t> make_room(std::span<const Commit> commits);
    Refusal refusal() const { return {refusal_, 0, 0, trouble_}; }
    awaitable<result<void>> restore_base();
    awaitable<result<void>> insert(const JournalFile::EventPage& page);
    awaitable<void> stay_within_bound();
    awaitable<void> stay_behind_feed();

    const aio::Strand strand_;
    const std::unique_ptr<JournalFile> file_;  // the writer thread's, once loading has begun
    std::unique_ptr<JournalReader> reader_;    // its thread's; goes before the file
    const std::uint64_t limit_;
    const Clock& clock_;
    LetsGo lets_go_ = LetsGo::behind_snapshots;
    std::vector<SnapshotKind> begins_at_;
    JournalChanges changes_;
    MemoryStore memory_;
    DurableFeed feed_;
    asio::thread_pool writer_{1};
    asio::thread_pool readers_{1};
    aio::Offloader writing_work_;

    Position durable_ = 0;
    Position loading_to_;                        // the file's head, while it is loaded
    std::vector<MemoryStream*> with_snapshots_;  // likewise: in the file's order
    bool loaded_ = false;
    std::uint64_t written_ = 0;  // of changes_.count()
    JournalFile::Size size_{};
    std::optional<UnderWay> under_way_;
    std::string trouble_;
    errc refusal_ = errc::unavailable;  // while the journal cannot be written
    bool writing_ = false;
    bool look_due_ = false;
    bool pinned_ = false;
    bool closing_ = false;
    std::list<Waiter> waiters_;
    aio::Notice again_;
    std::atomic<int> percent_{0};
    std::atomic<bool> healthy_{true};
    Histogram write_seconds_;
    aio::Gate gate_;
};

}  // namespace stepcast::store
