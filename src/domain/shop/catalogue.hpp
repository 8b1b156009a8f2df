#pragma once
#include <atomic>

#include "domain/shop/stock.hpp"
#include "flow/projection.hpp"

namespace stepcast::shop {

/// The stock as of the position that this node has applied: what products are shown, and what an order is
/// priced by. On the core strand.
class Catalogue final : public flow::Projection {
  public:
    std::span<const event::Category* const> categories() const override;
    aio::awaitable<void> apply(std::span<const event::EventRef> events, event::Position through) override;
    void expired(const store::ExpiredStream&) override {}
    void reset() override { stock_ = {}; }

    const Stock& stock() const { return stock_; }
    /// Events that could not be read: what stands here is not the stock. Any thread.
    std::uint64_t skipped() const { return skipped_.load(std::memory_order_relaxed); }

  private:
    Stock stock_;
    std::atomic<std::uint64_t> skipped_{0};
};

}  // namespace stepcast::shop
