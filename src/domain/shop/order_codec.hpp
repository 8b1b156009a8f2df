#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "domain/shop/order.hpp"
#include "event/upcaster.hpp"
#include "flow/aggregate.hpp"

namespace stepcast::shop {

/// The seeds' envelope: `{"type":"ORDER_CREATED","payload":{…},"metadata":{"eventId":…,"timestamp":…,
/// "version":2,"correlationId":…}}`, as a draft of the order's stream; `metadata.version` is the schema's.
event::Draft make_draft(const OrderEvent& event, std::string_view order_id, std::string_view event_id,
                        std::string_view customer, std::string_view correlation_id);

/// Of what was asked for and nothing that we gave: tells a retry from a conflict.
std::uint64_t fingerprint_of(const OrderEvent& event);

/// How older events are read. Schema 2 of ORDER_CREATED takes the one amount of schema 1 apart (the seeds'
/// OrderEventUpcaster).
const event::Upcasters& order_upcasters();

/// Reads a stored event in today's schema, less its opening brace.
result<OrderEvent> decode_order(OrderEventType type, std::string_view body);
/// The same of a stored event, whatever schema it was written in.
result<OrderEvent> decode_order(const event::Event& stored);
/// Refuses what is no stored event of an order, of any schema that was ever written.
result<void> check_stored_order(const event::Event& draft);

/// What a record of `order-events` says of an order, of whatever schema.
struct OrderNote {
    OrderEventType type{};
    std::string id;
};
/// Nothing for a type that this program does not know. Errors name the field.
result<std::optional<OrderNote>> read_note(std::string_view value);

/// `{"orderId":…,"status":…,"items":[…],…}`
std::string encode_order(std::string_view order_id, const Order& order, event::Version version);

/// An order as the commands on it see it.
class OrderAggregate final : public flow::Aggregate {
  public:
    void evolve(const event::Event& event, std::string_view body) override;
    /// An order has few events: it is always folded from the first.
    std::string save() const override { return {}; }
    bool restore(std::string_view) override { return false; }

    const Order& order() const { return order_; }
    /// An event could not be read, so what stands here is not the order.
    bool broken() const { return broken_; }

  private:
    Order order_;
    bool broken_ = false;
};

flow::AggregateKind order_kind();

}  // namespace stepcast::shop
