#pragma once
#include "domain/bank/ledger.hpp"
#include "flow/aggregate.hpp"
#include "flow/projection.hpp"
#include "flow/twofold.hpp"

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
    std::uint64_t memory() const override { return accounts_.memory(); }
    void reset() override { accounts_.reset(); }

    const Ledger& ledger() const { return accounts_.state(); }
    event::Position applied() const { return accounts_.applied(); }
    /// Events that could not be read and are missing from what it shows. Any thread.
    std::uint64_t skipped() const { return accounts_.skipped(); }
    /// For a rebuild.
    flow::Refoldable& refoldable() { return accounts_; }

  private:
    aio::awaitable<void> begin(const event::Event& first);

    flow::AggregateReader* snapshots_ = nullptr;
    flow::Twofold<Ledger> accounts_{category};
};

}  // namespace stepcast::bank
