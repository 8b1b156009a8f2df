#pragma once
#include <atomic>
#include <chrono>
#include <deque>
#include <vector>

#include "base/histogram.hpp"
#include "base/time.hpp"
#include "broadcast/lane.hpp"
#include "broadcast/publisher.hpp"
#include "flow/projection.hpp"
#include "store/cleaner.hpp"
#include "store/feed_reader.hpp"

namespace stepcast::flow {

/// The one reader of a store's feed on a node: gives what was committed to every projection first, then to
/// the subscribers, and what expired to the projections. Everything on the core strand unless it says
/// otherwise.
class FeedHub {
  public:
    /// All outlive the hub.
    FeedHub(const aio::Strand& core, store::EventStore& store, broadcast::Publisher& publisher,
            const Clock& clock, Duration cleanup_interval);

    /// Before start, in the order in which they are to be told. It outlives the hub.
    void add(Projection& projection);
    /// Snapshots at which all begin that fold their category.
    std::vector<store::SnapshotKind> begins_at() const;
    /// Begins to read. The store may still be loading.
    void start();
    /// Begins to clean, once all that the store holds is known.
    void start_cleaning() { cleaner_.start(); }
    /// Cleans all that is due.
    aio::awaitable<void> clean() { return cleaner_.clean(); }
    /// Sends every waiter away. Call it before destruction.
    aio::awaitable<void> stop();

    /// Every event up to here is in every projection.
    event::Position applied() const { return applied_; }
    /// Waits until `position` is applied. False after `limit`, or at a stop. A new epoch lets go of all who
    /// wait with true: what they wait for is of a history that is over.
    aio::awaitable<bool> wait_applied(event::Position position, std::chrono::steady_clock::duration limit) {
        return reader_.wait_applied(position, limit);
    }

    /// False while any part's state is being rebuilt: subscribers are told nothing. Any thread.
    bool live() const { return held_.load(std::memory_order_acquire) == 0; }
    /// A part's state is being rebuilt, until it releases the hub, once. Any thread.
    void hold() { held_.fetch_add(1, std::memory_order_relaxed); }
    void release() { held_.fetch_sub(1, std::memory_order_release); }

    /// A group of commits that was begun at `began` has been answered; `through` is the last position
    /// written. Delivery is measured from now on. Before the feed has read that far.
    void note_commit(std::chrono::steady_clock::time_point began, event::Position through);

    /// What the feed gives, up to `through` all that there is.
    aio::awaitable<void> take(std::span<const event::EventRef> events, event::Position through);
    /// What the cleaner has removed or found too long.
    void take_cleaned(const store::EventStore::Expired& cleaned);

    /// For a lane that was lapped: what is applied behind `after`. Throws if the store cannot be read. Any
    /// strand.
    aio::awaitable<broadcast::Missed> read_after(event::Position after, std::size_t limit);

    /// A group's write, refused ones too. Any thread.
    const Histogram& commit_seconds() const { return commit_seconds_; }
    /// Events that the feed gave twice or out of order.
    std::uint64_t feed_gaps() const { return feed_gaps_; }
    /// How often the store's history began anew.
    std::uint64_t restarts() const { return restarts_; }

  private:
    struct Committed {
        event::Position through;
        std::chrono::steady_clock::time_point at;
    };

    std::span<const event::EventRef> own(const Projection& projection,
                                         std::span<const event::EventRef> events);
    void tell_memory();
    void check_order(std::span<const event::EventRef> events);
    std::chrono::steady_clock::time_point committed_at(event::Position position);
    void restart();

    const aio::Strand core_;
    store::EventStore& store_;
    broadcast::Publisher& publisher_;
    std::vector<Projection*> projections_;
    std::atomic<int> held_{0};
    event::Position applied_ = 0;
    event::Position fed_ = 0;               // the highest position that the feed gave
    std::deque<Committed> commits_;         // written and not yet read; rising
    std::vector<event::EventRef> scratch_;  // a projection's own events of a mixed page
    std::uint64_t expired_ = 0;             // events, as the store last said
    std::uint64_t feed_gaps_ = 0;
    std::uint64_t restarts_ = 0;
    Histogram commit_seconds_;
    store::FeedReader reader_;
    store::Cleaner cleaner_;
};

}  // namespace stepcast::flow
