#pragma once
#include <chrono>
#include <functional>
#include <list>
#include <span>
#include <string>

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

    /// Before start. Called when the store's history begins anew, before its first event is given: what the
    /// sink was given is void.
    void on_new_epoch(std::function<void()> restart) { restart_ = std::move(restart); }

    void start();

    /// Every event up to here has been given to the sink, which has returned, or has expired.
    Position applied() const { return applied_; }

    /// Waits until `position` is applied. False after `limit`, or when the reader stops. A new epoch lets go
    /// of all who wait with true: what they wait for is of a history that is over.
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
    void begin_epoch();
    void raise_applied(Position through);

    aio::Strand strand_;
    EventStore& store_;
    const Sink sink_;
    std::function<void()> restart_;
    std::string epoch_;
    Position applied_;
    std::uint64_t restarts_ = 0;
    bool stopping_ = false;
    std::list<Waiter> waiters_;
    aio::Notice changed_;
    aio::Gate gate_;
};

}  // namespace stepcast::store
