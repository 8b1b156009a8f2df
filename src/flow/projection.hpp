#pragma once
#include <span>
#include <vector>

#include "aio/types.hpp"
#include "store/snapshot_kind.hpp"
#include "store/store.hpp"

namespace stepcast::flow {

/// State folded from the feed, which can be thrown away and folded again. Everything on the core strand.
class Projection {
  public:
    virtual ~Projection() = default;

    /// Whose events it folds; the same for its whole life.
    virtual std::span<const event::Category* const> categories() const = 0;
    /// Folds the next events of its categories, in position order, which may be none; up to `through` there
    /// are no others. The events outlive the call. Must not throw.
    virtual aio::awaitable<void> apply(std::span<const event::EventRef> events, event::Position through) = 0;
    /// Snapshots at which it begins streams while a store is loaded: it need not be given what is below
    /// them.
    virtual std::vector<store::SnapshotKind> begins_at() const { return {}; }
    /// What was applied last has been handed to the subscribers. Not called while nothing is live.
    virtual void published() {}
    /// Forgets a stream of its categories that the store has expired. What is known of it from behind
    /// `through` still holds.
    virtual void expired(const store::ExpiredStream& stream) = 0;
    /// A stream of its categories holds more than it may: it should be trimmed with a snapshot.
    virtual void oversized(const store::Oversized&) {}
    /// Bytes that it holds; they count against the store's bound.
    virtual std::uint64_t memory() const { return 0; }
    /// A new epoch: forgets everything. The feed begins again with position 1.
    virtual void reset() = 0;
};

}  // namespace stepcast::flow
