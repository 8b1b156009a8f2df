#pragma once
#include "domain/module.hpp"
#include "domain/shop/catalogue.hpp"
#include "flow/consumer.hpp"

namespace stepcast::shop {

/// Keeps the catalogue of a process without the product service: reads from its topic what that says of each
/// product, from the beginning at each start. Orders wait until everything was read.
class ProductReplica final : flow::Consumer::Handler {
  public:
    /// `prefix` stands before the topic. The catalogue outlives it.
    ProductReplica(const domain::Parts& parts, std::string_view prefix, Catalogue& catalogue);

    void start();
    bool subscribed() const { return consumer_.subscribed(); }
    /// Any strand.
    aio::awaitable<void> stop() { return consumer_.stop(); }

  private:
    aio::awaitable<std::vector<flow::Consumer::Failure>> take(std::span<const bus::Record> records) override;
    aio::awaitable<void> look() override;

    const aio::Strand core_;
    const std::string topic_;
    Catalogue& catalogue_;
    bool whole_ = false;  // on the consumer's strand
    flow::Consumer consumer_;
};

}  // namespace stepcast::shop
