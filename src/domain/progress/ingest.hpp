#pragma once
#include <atomic>
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.hpp"
#include "base/histogram.hpp"
#include "bus/bus.hpp"
#include "domain/progress/codec.hpp"
#include "domain/progress/service.hpp"
#include "domain/progress/split_tasks.hpp"
#include "flow/committer.hpp"
#include "flow/consumer.hpp"
#include "flow/dead_letters.hpp"
#include "flow/feed_hub.hpp"
#include "flow/source_offsets.hpp"

namespace stepcast::progress {

/// The one way in: takes records from the topic, checks them, commits them in batches and has them folded
/// before it calls them settled. What cannot be an event becomes a dead letter; what the store cannot take
/// now waits, and consumption with it. Decoding runs on a strand of its own beside the core.
class ProgressIngest final : flow::Consumer::Handler {
  public:
    struct Options {
        std::string topic = "progress-events";
        std::string group{};  ///< empty: this node reads all partitions by itself, from `since`
        std::optional<Timestamp> since{};
        /// Without a group: the name under which the store keeps, with the events, which records were
        /// consumed; the next start goes on behind them. Lag tools see the same name as a group. Empty: the
        /// store keeps nothing of the kind, as for a bus whose offsets end with the process.
        std::string source{};
        bool rebuilds = false;  ///< the store is filled from the topic: unless it knows what was consumed,
                                ///< until what the topic held is folded nothing is live, recorded_at is the
                                ///< record's time, and poison and what is older than `since` is only counted
    };
    struct Counts {
        std::atomic<std::uint64_t> rejected_malformed{0};
        std::atomic<std::uint64_t> rejected_field{0};
        std::atomic<std::uint64_t> rejected_tombstone{0};
        std::atomic<std::uint64_t> rejected_owner{0};
        std::atomic<std::uint64_t> rejected_conflict{0};
        std::atomic<std::uint64_t> rejected_too_old{0};  ///< when the state was rebuilt, by the record's time
        std::atomic<std::uint64_t> old_poison{0};        ///< met while rebuilding
        Histogram age_seconds;                           ///< from the record's time to its commit
    };
    ProgressIngest(asio::io_context& io, ProgressEventService& service, flow::FeedHub& hub,
                   flow::Committer& committer, bus::MessageBus& bus, flow::DeadLetters& dead_letters,
                   Options options);

    /// Waits until what the store holds is folded, and finds where reading goes on. What needs no rebuild is
    /// live then, whether or not the bus is there. Once, before `start`; any strand.
    awaitable<void> restore();
    void start();
    /// Closes the consumer; what was handed out and not committed is given again later. Any strand.
    awaitable<void> stop();

    /// False while nothing is consumed: before the start, at the end, and while the bus is away.
    bool running() const { return running_.load(std::memory_order_relaxed); }
    /// True once the bus keeps what it is given for us: before that nobody would be waited for. Any thread.
    bool subscribed() const { return consumer_.subscribed(); }
    int rebuilt_percent() const { return rebuilt_percent_.load(std::memory_order_relaxed); }
    std::int64_t lag() const { return lag_.load(std::memory_order_relaxed); }
    const Counts& counts() const { return counts_; }
    /// Tasks whose events came over several partitions. On the core.
    std::uint64_t split_tasks() const { return splits_.count(); }

  private:
    static constexpr std::uint32_t none = UINT32_MAX;
    struct Item {
        const bus::Record* record = nullptr;
        event::Draft draft;
        std::uint32_t incomplete = none;  // index in incomplete_: the percentage follows from the task's past
        std::uint32_t error = none;       // index in errors_
    };
    struct Ids {
        std::string_view task;
        std::string_view user;
    };
    // What this batch makes of a task that holds an event without a percentage of its own.
    struct Latest {
        bool loaded = false;
        ProgressState state;
    };
    // Who began a task that the projection does not know yet, and over which partitions its events came.
    struct Begun {
        std::string user_id;
        std::int32_t partition;
        std::int32_t other;
    };
    struct Written {
        event::Position last = 0;
        bool whole = true;  // false: it was time to stop before the store had taken all
    };
    template <class Value>
    using Map = boost::unordered_flat_map<std::string, Value, KeyedHash, std::equal_to<>>;

    struct Rejected {
        Error error;
        std::uint32_t tries = 1;
    };
    using Failures = std::vector<flow::Consumer::Failure>;

    flow::Consumer::Subscription subscription() const;
    awaitable<Failures> take(std::span<const bus::Record> records) override;
    std::vector<store::Commit> moves() override { return offsets_.moves(); }
    awaitable<void> buried() override;
    bool copies_letters() const override { return copies_letters_; }
    awaitable<void> look() override;
    awaitable<void> decode_all(std::span<const bus::Record> records);
    void decode_one(const bus::Record& record);
    awaitable<void> complete_all();
    Ids ids_of(const Item& item) const;
    bool owned(Item& item);
    awaitable<void> complete(Item& item);
    awaitable<Written> commit_all();
    awaitable<void> move_offsets();
    void reject(Item& item, Error error, std::uint32_t tries = 1);
    void count(const Error& error);
    awaitable<Written> write();
    Failures failures();
    void note_partitions();
    void end_rebuild();

    ProgressEventService& service_;
    flow::FeedHub& hub_;
    flow::Committer& committer_;
    const Options options_;

    std::vector<Item> items_;
    std::vector<ProgressEvent> incomplete_;
    std::vector<Rejected> errors_;
    std::vector<store::Commit> commits_;
    std::vector<Item*> committing_;
    flow::Committer::Attempts attempts_;
    flow::SourceOffsets offsets_;  // on the core
    Map<Begun> begun_;
    SplitTasks splits_;  // on the core
    Map<Latest> latest_;
    boost::unordered_flat_set<std::string, KeyedHash, std::equal_to<>> seen_;
    ProgressEvent scratch_;
    std::string text_;

    std::atomic<bool> running_{false};
    std::atomic<int> rebuilt_percent_{0};
    std::atomic<std::int64_t> lag_{0};
    bool rebuilding_ = true;      // holds the hub
    bool copies_letters_ = true;  // of the batch at hand
    Counts counts_;
    flow::Consumer consumer_;
};

}  // namespace stepcast::progress
