#pragma once
#include "domain/calls.hpp"
#include "domain/module.hpp"
#include "domain/shop/messages.hpp"
#include "domain/shop/stock.hpp"
#include "flow/commands.hpp"

namespace stepcast::shop {

/// The product service: holds the stock and reserves it for orders. On the core strand, unless said
/// otherwise.
class Products {
  public:
    /// `prefix` stands before topics.
    Products(const domain::Parts& parts, std::string prefix);

    /// What an admin says of a product. Any strand. Returns once it can be read here.
    aio::awaitable<result<domain::Written>> put(StockEvent product, event::Metadata cause = {});
    /// There is a first product, unless the stock has ever had one.
    aio::awaitable<void> put_first();
    aio::awaitable<void> stop() { return commands_.stop(); }

    aio::awaitable<result<void>> on_order_created(OrderCreatedEvent event, event::Metadata cause);
    aio::awaitable<result<void>> on_order_cancelled(OrderCancelledEvent event, event::Metadata cause);
    aio::awaitable<result<void>> on_payment_failed(PaymentFailedEvent event, event::Metadata cause);
    aio::awaitable<result<void>> on_command(OrderCommand command, event::Metadata cause);
    aio::awaitable<result<void>> on_shipped(std::string order_id, event::Metadata cause);

  private:
    using Decide = std::function<std::optional<StockEvent>(const Stock&)>;

    aio::awaitable<result<domain::Written>> write(StockEvent product, event::Metadata cause);
    aio::awaitable<result<store::Receipt>> once(std::string event_id, Decide decide, event::Metadata cause,
                                                OrderCreatedEvent order = {});
    aio::awaitable<result<void>> take(OrderCreatedEvent order, event::Metadata cause);
    aio::awaitable<result<void>> release(std::string order_id, event::Metadata cause);
    result<flow::Decision> decision(StockEvent event, std::string_view event_id,
                                    const OrderCreatedEvent& order) const;

    const domain::Parts parts_;
    const std::string prefix_;
    flow::Commands commands_;
};

}  // namespace stepcast::shop
