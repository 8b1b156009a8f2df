#pragma once
#include "domain/shop/cart.hpp"
#include "domain/shop/orders.hpp"
#include "http/past.hpp"

namespace stepcast::shop {

/// What customers mean to order: a part of the order service. Calls from any strand.
class Carts {
  public:
    /// All outlive it.
    Carts(const domain::Parts& parts, const Catalogue& catalogue, Orders& orders);

    /// So many of a product are in the user's cart from now on; 0: none. `expected`: the version that the
    /// caller believes in. Answers the cart.
    aio::awaitable<result<domain::Written>> put(std::string user, std::int64_t product_id,
                                                std::int64_t quantity, std::optional<event::Version> expected,
                                                event::Metadata cause);

    struct View {
        Cart cart;
        event::Version version = 0;  ///< 0: nothing was ever put there
    };
    /// The cart now or in the past; a version beyond its head is unknown.
    aio::awaitable<result<View>> view(std::string user, http::Past past);

    struct Checkout {
        std::string user;
        std::string order_id{};  ///< what sends the call again has the same; empty: given by the cart
        std::string address{};
        std::string payment_method{};
        event::Metadata cause{};  ///< of all that it leads to; the order's id is its correlation
    };
    /// Makes an order of what is in the cart, which is empty in the same commit. Refused: `empty_cart`.
    aio::awaitable<result<domain::Written>> check_out(Checkout wish);

    /// After Committer::stop.
    aio::awaitable<void> stop() { return commands_.stop(); }

  private:
    aio::awaitable<result<domain::Written>> write(std::string user, std::int64_t product_id,
                                                  std::int64_t quantity,
                                                  std::optional<event::Version> expected,
                                                  event::Metadata cause);
    result<std::optional<CartEvent>> decide(const Cart& cart, std::int64_t product_id,
                                            std::int64_t quantity) const;
    aio::awaitable<result<View>> load(std::string user, http::Past past);
    aio::awaitable<result<domain::Written>> order(Checkout wish);
    aio::awaitable<result<std::optional<domain::Written>>> ordered_before(const Checkout& wish);

    const domain::Parts parts_;
    const Catalogue& catalogue_;
    Orders& orders_;
    flow::Commands commands_;
};

}  // namespace stepcast::shop
