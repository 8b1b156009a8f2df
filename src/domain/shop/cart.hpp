#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/shop/fields.hpp"
#include "flow/aggregate.hpp"

namespace stepcast::shop {

enum class CartEventType : std::uint8_t {
    set,      ///< so many of a product are in the cart from now on
    removed,  ///< a product is taken out
    ordered   ///< what was in it is an order now
};
inline constexpr std::array<std::string_view, 3> cart_type_names{"CART_ITEM_SET", "CART_ITEM_REMOVED",
                                                                 "CART_ORDERED"};

/// Streams `cart-USER`. They never expire.
inline constexpr event::Category cart_category{"cart", "cart", cart_type_names, false};

/// Of one product; name and price as the customer saw them when it was put there.
struct CartItem {
    std::int64_t product_id = 0;
    std::string name{};
    std::int64_t price = 0;
    std::int64_t quantity = 0;

    template <class Self, class F>
    static void fields(Self& self, F f) {
        f("productId", self.product_id, must);
        f("name", self.name, must);
        f("price", self.price, must);
        f("quantity", self.quantity, must);
    }
    friend bool operator==(const CartItem&, const CartItem&) = default;
};

/// One event of a cart. What its type does not need is empty.
struct CartEvent {
    CartEventType type = CartEventType::set;
    std::string event_id{};
    std::string user_id{};
    Timestamp at{};
    // Of CART_ITEM_SET; of CART_ITEM_REMOVED the product's id.
    std::int64_t product_id = 0;
    std::string name{};
    std::int64_t price = 0;
    std::int64_t quantity = 0;
    // Of CART_ORDERED.
    std::string order_id{};

    template <class Self, class F>
    static void fields(Self& self, F f) {
        f("eventId", self.event_id, must);
        f("userId", self.user_id, must);
        f("productId", self.product_id, may);
        f("name", self.name, may);
        f("price", self.price, may);
        f("quantity", self.quantity, may);
        f("orderId", self.order_id, may);
        f("timestamp", self.at, must);
    }
};

/// The fold of a cart's events.
struct Cart {
    std::vector<CartItem> items{};  ///< in the order in which they were first put there
    Timestamp updated_at{};
    /// The id of the last event: what is ordered from this cart is known by it.
    std::string last_event{};

    friend bool operator==(const Cart&, const Cart&) = default;
};

/// A cart holds so many products: what an order can.
inline constexpr std::size_t max_cart_items = 100;

/// The event by which so many of a product are in the cart; nothing if they are already. Refused: too many
/// products.
result<std::optional<CartEvent>> put_item(const Cart& cart, const CartItem& item);
/// The event by which a product leaves the cart; nothing if it is not there.
std::optional<CartEvent> remove_item(const Cart& cart, std::int64_t product_id);

/// Moves the state by an event.
void evolve(Cart& cart, const CartEvent& event);

event::Draft make_draft(const CartEvent& event);
result<CartEvent> decode_cart(CartEventType type, std::string_view body);
/// The same of a stored event.
result<CartEvent> decode_cart(const event::Event& stored);
/// Refuses what is no stored event of a cart.
result<void> check_stored_cart(const event::Event& draft);

/// `{"userId":…,"items":[…],"totalAmount":…,"version":…}`
std::string encode_cart(std::string_view user_id, const Cart& cart, event::Version version);

/// A cart as the commands on it see it.
class CartAggregate final : public flow::Aggregate {
  public:
    void evolve(const event::Event& event, std::string_view body) override;
    std::string save() const override;
    bool restore(std::string_view saved) override;

    const Cart& cart() const { return cart_; }
    /// An event could not be read, so what stands here is not the cart.
    bool broken() const { return broken_; }

  private:
    Cart cart_;
    bool broken_ = false;
};

flow::AggregateKind cart_kind();

}  // namespace stepcast::shop
