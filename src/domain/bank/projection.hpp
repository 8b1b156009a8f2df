#pragma once
#include "domain/bank/ledger.hpp"
#include "flow/aggregate.hpp"
#include "flow/projection.hpp"

namespace stepcast::bank {

/// The seeds' AccountProjection: the accounts as of what this node has applied. On the core strand.
class AccountProjection final : public flow::Projection {
  public:
    /// From now on an account begins at the snapshot that `reader` has of it, with what of its events stands
    /// behind that. Only while the store is loaded: one that is saved later may not be durable. Null: no
    /// more.
    void begin_at_snapshots(flow::AggregateReader* reader) { snapshots_ = reader; }
    std::span<const event::Category* const> categories() const override;
    std::vector<store::SnapshotKind> begins_at() const override;
    aio::awaitable<void> apply(std::span<const event::EventRef> events, event::Position through) override;
    /// Accounts never expire.
    void expired(const store::ExpiredStream&) override {}
    std::uint64_t memory() const override { return ledger_.memory() + (beside_ ? beside_->memory() : 0); }
    void reset() override;

    const Ledger& ledger() const { return ledger_; }
    event::Position applied() const { return applied_; }
    /// Events that could not be read and are missing from what it shows.
    std::uint64_t skipped() const { return skipped_.load(std::memory_order_relaxed); }

    /// Another fold of the same events, up to `applied()`, is kept up from now on as well. One at a time.
    void stand_beside(Ledger fresh) { beside_ = std::move(fresh); }
    /// Null without one, and again after a new epoch, or an event that it could not read.
    const Ledger* beside() const { return beside_ ? &*beside_ : nullptr; }
    /// What stands beside, which lacks nothing, is shown from now on; gives back what was.
    Ledger take_over();
    void drop_beside() { beside_.reset(); }

  private:
    aio::awaitable<void> begin(const event::Event& first);
    void skip(const event::Event& event);

    flow::AggregateReader* snapshots_ = nullptr;
    Ledger ledger_;
    std::optional<Ledger> beside_;
    event::Position applied_ = 0;
    std::atomic<std::uint64_t> skipped_{0};
};

}  // namespace stepcast::bank
