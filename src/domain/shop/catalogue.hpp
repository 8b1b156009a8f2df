#pragma once
#include <atomic>

#include "domain/shop/stock.hpp"
#include "flow/projection.hpp"

namespace stepcast::shop {

/// What products are shown, and what an order is priced by: the stock as of the position that this node has
/// applied, or, without the product service, what that says of products. On the core strand.
class Catalogue final : public flow::Projection {
  public:
    std::span<const event::Category* const> categories() const override;
    aio::awaitable<void> apply(std::span<const event::EventRef> events, event::Position through) override;
    void expired(const store::ExpiredStream&) override {}
    void reset() override { stock_ = {}; }

    const Stock& stock() const { return stock_; }
    /// What the product service says of one, in the place of stored events.
    void learn(std::int64_t id, Product product) { stock_.products[id] = std::move(product); }
    /// False while it is not known yet which products there are. Any thread.
    bool whole() const { return whole_.load(std::memory_order_relaxed); }
    void set_whole(bool whole) { whole_.store(whole, std::memory_order_relaxed); }
    /// Events that could not be read: what stands here is not the stock. Any thread.
    std::uint64_t skipped() const { return skipped_.load(std::memory_order_relaxed); }

  private:
    Stock stock_;
    std::atomic<bool> whole_{true};
    std::atomic<std::uint64_t> skipped_{0};
};

}  // namespace stepcast::shop
