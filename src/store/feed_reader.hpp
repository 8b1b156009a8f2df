#pragma once
#include <chrono>
#include <functional>
#include <list>
#include <span>

#include "aio/gate.hpp"
#include "aio/notice.hpp"
#include "store/store.hpp"

namespace stepcast::store {

/// Follows a store: gives each committed event once, in position order, to a sink. Everything on the core
/// strand. The store's feed serves one reader at a time.
class FeedReader {
  public:
    /// Gets the events of a page, which may be none over an expired hole, and up to which position nothing
    /// else is left. Must not throw; what it does counts into the strand's turn.
    using Sink = std::function<awaitable<void>(std::span<const EventRef>, Position through)>;

    /// `store` outlives the reader. Reading begins behind `after`, with start().
    FeedReader(aio::Strand strand, EventStore& store, Sink sink, Position after = 0);
    ~FeedReader();
    FeedReader(const FeedReader&) = delete;
    FeedReader& operator=(const FeedReader&) = delete;

    void start();

    /// Every event up to here has been given to the sink, which has returned, or has expired.
    Position applied() const { return applied_; }

    /// Waits until `position` is applied. False after `limit`, or when the reader stops.
    awaitable<bool> wait_applied(Position position, std::chrono::steady_clock::duration limit);

    /// Lets go of the feed, sends every waiter away and waits for the reader to leave. Call it before
    /// destruction.
    awaitable<void> stop();

  private:
    struct Waiter {
        Position position;
        aio::Notice notice;
    };

    awaitable<void> run();
    awaitable<bool> read_page();
    void raise_applied(Position through);

    aio::Strand strand_;
    EventStore& store_;
    const Sink sink_;
    Position applied_;
    bool stopping_ = false;
    std::list<Waiter> waiters_;
    aio::Notice changed_;
    aio::Gate gate_;
};

}  // namespace stepcast::store
