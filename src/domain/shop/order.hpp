#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "event/event.hpp"

namespace stepcast::shop {

enum class errc {
    unreadable = 1,  ///< an event of it cannot be read by this program
    malformed,       ///< no JSON, or not an object
    invalid_field,   ///< missing, of the wrong type, too long or out of range; `field` says which
    unknown_product,
    unknown_order,
    already_shipped,
    not_owner,        ///< the order is another user's
    cancelled,        ///< the order is
    refused,          ///< a service says no to a step of an order
    rebuilding,       ///< the state is being folded: come again
    wrong_version,    ///< the stream has another version than its caller believes; the detail says which
    unknown_version,  ///< the stream has no such version yet, or none at that time
    empty_cart
};
std::error_code make_error_code(errc e);

enum class OrderEventType : std::uint8_t { created, stock_reserved, paid, confirmed, shipped, cancelled };
inline constexpr std::array<std::string_view, 6> order_type_names{"ORDER_CREATED", "ORDER_STOCK_RESERVED",
                                                                  "ORDER_PAID",    "ORDER_CONFIRMED",
                                                                  "ORDER_SHIPPED", "ORDER_CANCELLED"};

/// Streams `order-ID`. They never expire.
inline constexpr event::Category order_category{"order", "order", order_type_names, false};

/// Whole won. The most that an amount can be: what every client's numbers hold exactly.
inline constexpr std::int64_t max_amount = (std::int64_t{1} << 53) - 1;

struct OrderItem {
    std::int64_t product_id = 0;
    std::int64_t quantity = 0;
    std::int64_t price = 0;  ///< of one, when it was ordered; 0: an old event does not say

    friend bool operator==(const OrderItem&, const OrderItem&) = default;
};

/// What an order comes to.
struct OrderAmounts {
    std::int64_t subtotal = 0;
    std::int64_t tax = 0;
    std::int64_t shipping_fee = 0;
    std::int64_t total = 0;

    friend bool operator==(const OrderAmounts&, const OrderAmounts&) = default;
};

/// The style of an order's saga that messages name; without it each service follows the one before.
inline constexpr std::string_view orchestration = "orchestration";

/// One event of an order. What its type does not need is empty.
struct OrderEvent {
    OrderEventType type = OrderEventType::created;
    Timestamp at{};
    // Of ORDER_CREATED.
    std::string customer{};
    std::vector<OrderItem> items{};
    OrderAmounts amounts{};
    std::string address{};
    std::string payment_method{};
    bool orchestrated = false;
    // Of ORDER_CANCELLED.
    std::string reason{};
};

enum class OrderStatus : std::uint8_t {
    unknown,
    pending,
    stock_reserved,
    paid,
    confirmed,
    shipped,
    cancelled
};
inline constexpr std::array<std::string_view, 7> order_status_names{
    "UNKNOWN", "PENDING", "STOCK_RESERVED", "PAID", "CONFIRMED", "SHIPPED", "CANCELLED"};

/// The fold of an order's events. UNKNOWN before the first.
struct Order {
    OrderStatus status = OrderStatus::unknown;
    std::string customer{};
    std::vector<OrderItem> items{};
    OrderAmounts amounts{};
    std::string address{};
    std::string payment_method{};
    std::string reason{};
    bool orchestrated = false;  ///< its services are told what to do, and do not follow each other
    Timestamp created_at{};
    Timestamp updated_at{};

    friend bool operator==(const Order&, const Order&) = default;
};

/// What becomes of an order.
enum class OrderNews : std::uint8_t {
    nothing,
    stock_reserved,
    failed,  ///< no stock, or no payment
    paid,
    charged,    ///< paid, the first step of an orchestrated order
    fulfilled,  ///< paid and reserved: the last one begins
    cancelled,  ///< by its customer
    overdue,    ///< it was not paid in time
    ship
};

/// It is neither confirmed nor cancelled.
bool is_open(const Order& order);
/// The events that news lead to; none if they come too late, or again. Refused: `already_shipped`.
result<std::vector<OrderEvent>> follow(const Order& order, OrderNews news, const std::string& reason,
                                       Timestamp now);
/// Each product once, in their order.
std::vector<OrderItem> merged(const std::vector<OrderItem>& items);

/// Moves the state by an event, whatever its rules were when it happened.
void evolve(Order& order, const OrderEvent& event);

}  // namespace stepcast::shop

template <>
struct std::is_error_code_enum<stepcast::shop::errc> : std::true_type {};
