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
    std::string saga{};  ///< `orchestration`: the product service waits for a command
    Timestamp timestamp{};

    template <class Self, class F>
    static void fields(Self& self, F f) {
        f("orderId", self.order_id, must);
        f("userId", self.user_id, must);
        f("items", self.items, must);
        f("totalAmount", self.total_amount, must);
        f("shippingAddress", self.shipping_address, may);
        f("paymentMethod", self.payment_method, may);
        f("saga", self.saga, may);
        f("timestamp", self.timestamp, may);
    }
};

struct OrderCancelledEvent {
    std::string order_id{};
    std::string user_id{};
    std::string reason{};
    std::string saga{};  ///< `orchestration`: its services wait for commands
    Timestamp timestamp{};

    template <class Self, class F>
    static void fields(Self& self, F f) {
        f("orderId", self.order_id, must);
        f("userId", self.user_id, must);
        f("reason", self.reason, may);
        f("saga", self.saga, may);
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
    std::string saga{};  ///< as of the order
    Timestamp timestamp{};

    template <class Self, class F>
    static void fields(Self& self, F f) {
        f("orderId", self.order_id, must);
        f("userId", self.user_id, must);
        f("items", self.items, must);
        f("totalAmount", self.total_amount, must);
        f("paymentMethod", self.payment_method, may);
        f("saga", self.saga, may);
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

/// What the orchestrator wants done with an order.
enum class StepCommand : std::uint8_t { charge, refund, reserve, release };
void write_field(domain::Object& out, std::string_view name, StepCommand value, Need need);
std::string_view read_field(std::string_view value, StepCommand& out);

/// To the payment service, or to the product service: a topic for each.
struct OrderCommand {
    StepCommand command = StepCommand::charge;
    std::string order_id{};
    std::string user_id{};
    std::vector<OrderItem> items{};
    std::int64_t total_amount = 0;
    std::string payment_method{};
    std::string reason{};  ///< of REFUND and RELEASE
    Timestamp timestamp{};

    template <class Self, class F>
    static void fields(Self& self, F f) {
        f("command", self.command, must);
        f("orderId", self.order_id, must);
        f("userId", self.user_id, must);
        f("items", self.items, must);
        f("totalAmount", self.total_amount, must);
        f("paymentMethod", self.payment_method, may);
        f("reason", self.reason, may);
        f("timestamp", self.timestamp, may);
    }
};

/// Whatever a service did for an order is undone, and nothing more will be done.
struct CompensationCompletedEvent {
    std::string order_id{};
    std::string step{};  ///< `payment` or `stock`
    Timestamp timestamp{};

    template <class Self, class F>
    static void fields(Self& self, F f) {
        f("orderId", self.order_id, must);
        f("step", self.step, must);
        f("timestamp", self.timestamp, may);
    }
};

/// What an admin says of a product, to who has to know what it costs; the key is the product's id.
struct ProductSetEvent {
    std::int64_t product_id = 0;
    std::string name{};
    std::int64_t price = 0;
    std::int64_t stock = 0;
    Timestamp timestamp{};

    template <class Self, class F>
    static void fields(Self& self, F f) {
        f("productId", self.product_id, must);
        f("name", self.name, must);
        f("price", self.price, must);
        f("stock", self.stock, must);
        f("timestamp", self.timestamp, may);
    }
};

/// The steps of an order, as the orchestrator calls them.
namespace step_name {
inline constexpr std::string_view payment = "payment";
inline constexpr std::string_view stock = "stock";
inline constexpr std::string_view shipment = "shipment";
}  // namespace step_name

/// The topics, behind the configured prefix.
namespace topic {
inline constexpr std::string_view order_created = "order-created";
inline constexpr std::string_view order_cancelled = "order-cancelled";
inline constexpr std::string_view stock_reserved = "stock-reserved";
inline constexpr std::string_view stock_reservation_failed = "stock-reservation-failed";
inline constexpr std::string_view payment_completed = "payment-completed";
inline constexpr std::string_view payment_failed = "payment-failed";
inline constexpr std::string_view payment_commands = "payment-commands";
inline constexpr std::string_view stock_commands = "stock-commands";
inline constexpr std::string_view compensation_completed = "compensation-completed";
inline constexpr std::string_view product_events = "product-events";
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

/// Of these an order has several.
store::OutboxMessage command_message(std::string_view prefix, std::string_view topic,
                                     const OrderCommand& command);
store::OutboxMessage compensation_message(std::string_view prefix, const CompensationCompletedEvent& event);

}  // namespace stepcast::shop
