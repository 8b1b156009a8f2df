#pragma once
#include "domain/shop/fields.hpp"
#include "store/store.hpp"

namespace stepcast::shop {

// What the services tell each other, one class a topic; the key is the order's id (of NotificationEvent the
// user's).

struct OrderCreatedEvent {
    std::string order_id{};
    std::string user_id{};
    std::vector<OrderItem> items{};
    std::int64_t total_amount = 0;
    std::string shipping_address{};
    std::string payment_method{};
    Timestamp timestamp{};

    template <class Self, class F>
    static void fields(Self& self, F f) {
        f("orderId", self.order_id, must);
        f("userId", self.user_id, must);
        f("items", self.items, must);
        f("totalAmount", self.total_amount, must);
        f("shippingAddress", self.shipping_address, may);
        f("paymentMethod", self.payment_method, may);
        f("timestamp", self.timestamp, may);
    }
};

struct OrderCancelledEvent {
    std::string order_id{};
    std::string user_id{};
    std::string reason{};
    Timestamp timestamp{};

    template <class Self, class F>
    static void fields(Self& self, F f) {
        f("orderId", self.order_id, must);
        f("userId", self.user_id, must);
        f("reason", self.reason, may);
        f("timestamp", self.timestamp, may);
    }
};

/// Carries what the payment needs to know of the order.
struct StockReservedEvent {
    std::string order_id{};
    std::string user_id{};
    std::vector<OrderItem> items{};
    std::int64_t total_amount = 0;
    std::string payment_method{};
    Timestamp timestamp{};

    template <class Self, class F>
    static void fields(Self& self, F f) {
        f("orderId", self.order_id, must);
        f("userId", self.user_id, must);
        f("items", self.items, must);
        f("totalAmount", self.total_amount, must);
        f("paymentMethod", self.payment_method, may);
        f("timestamp", self.timestamp, may);
    }
};

struct StockReservationFailedEvent : OrderCancelledEvent {};

struct PaymentCompletedEvent {
    std::string order_id{};
    std::string user_id{};
    std::int64_t amount = 0;
    Timestamp timestamp{};

    template <class Self, class F>
    static void fields(Self& self, F f) {
        f("orderId", self.order_id, must);
        f("userId", self.user_id, must);
        f("amount", self.amount, must);
        f("timestamp", self.timestamp, may);
    }
};

struct PaymentFailedEvent : OrderCancelledEvent {};

struct NotificationEvent {
    std::string notification_id{};
    std::string user_id{};
    std::string type{};
    std::string message{};
    std::string order_id{};
    Timestamp timestamp{};

    template <class Self, class F>
    static void fields(Self& self, F f) {
        f("notificationId", self.notification_id, must);
        f("userId", self.user_id, must);
        f("type", self.type, must);
        f("message", self.message, must);
        f("orderId", self.order_id, must);
        f("timestamp", self.timestamp, must);
    }
};

/// The topics, behind the configured prefix.
namespace topic {
inline constexpr std::string_view order_created = "order-created";
inline constexpr std::string_view order_cancelled = "order-cancelled";
inline constexpr std::string_view stock_reserved = "stock-reserved";
inline constexpr std::string_view stock_reservation_failed = "stock-reservation-failed";
inline constexpr std::string_view payment_completed = "payment-completed";
inline constexpr std::string_view payment_failed = "payment-failed";
inline constexpr std::string_view user_notifications = "user-notifications";
inline constexpr std::string_view order_events = "order-events";
}  // namespace topic

/// A message that a commit owes: of an order there is at most one on each of these topics.
template <class T>
store::OutboxMessage message_of(std::string_view prefix, std::string_view topic, const T& event) {
    return {.id = std::string{topic} + ' ' + event.order_id,
            .topic = std::string{prefix}.append(topic),
            .key = event.order_id,
            .value = to_json(event)};
}

}  // namespace stepcast::shop
