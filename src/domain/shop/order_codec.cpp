#include "domain/shop/order_codec.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "base/hash.hpp"
#include "domain/shop/fields.hpp"
#include "event/ids.hpp"
#include "event/json_reader.hpp"

namespace stepcast::shop {
namespace {

using Type = OrderEventType;

constexpr std::array<std::string_view, 3> event_names{"type", "payload", "metadata"};
enum EventName : std::size_t { type_name, payload_name, metadata_name };
constexpr std::array<std::string_view, 11> payload_names{
    "orderId",     "customerId",      "items",         "subtotal", "tax", "shippingFee",
    "totalAmount", "shippingAddress", "paymentMethod", "reason",   "saga"};
enum PayloadName : std::size_t {
    order_id,
    customer_id,
    items,
    subtotal,
    tax,
    shipping_fee,
    total_amount,
    shipping_address,
    payment_method,
    reason,
    saga
};
constexpr std::array<std::string_view, 2> metadata_names{"eventId", "timestamp"};
enum MetadataName : std::size_t { event_id, timestamp };

tl::unexpected<Error> unreadable(std::string_view field) {
    return fail(errc::unreadable, std::string{field}, "is missing or not what this type of event has");
}

std::string text_of(std::string_view value) {
    return event::json_text(value).value_or("");
}

bool read_amount(std::string_view value, std::int64_t least, std::int64_t& out) {
    const auto number = event::is_json_integer(value) ? event::json_whole(value) : std::nullopt;
    out = number.value_or(0);
    return number && out >= least && out <= max_amount;
}

result<void> read_created(const std::array<std::string_view, payload_names.size()>& values,
                          OrderEvent& event) {
    event.customer = text_of(values[customer_id]);
    if (event.customer.empty()) return unreadable("payload.customerId");
    // Events of schema 1 may have no list of items.
    if (!values[items].empty() && !read_field(values[items], event.items).empty())
        return unreadable("payload.items");
    auto& amounts = event.amounts;
    if (!read_amount(values[subtotal], 0, amounts.subtotal)) return unreadable("payload.subtotal");
    if (!read_amount(values[tax], 0, amounts.tax)) return unreadable("payload.tax");
    if (!read_amount(values[shipping_fee], 0, amounts.shipping_fee)) return unreadable("payload.shippingFee");
    if (!read_amount(values[total_amount], 0, amounts.total)) return unreadable("payload.totalAmount");
    event.address = text_of(values[shipping_address]);
    event.payment_method = text_of(values[payment_method]);
    event.orchestrated = text_of(values[saga]) == orchestration;
    return {};
}

void append_amounts(domain::Object& object, const OrderAmounts& amounts) {
    object.number("subtotal", amounts.subtotal)
        .number("tax", amounts.tax)
        .number("shippingFee", amounts.shipping_fee)
        .number("totalAmount", amounts.total);
}

std::string encode_event(const OrderEvent& event, std::string_view id, std::string_view its_id,
                         std::string_view correlation_id) {
    std::string out;
    domain::Object whole{out};
    whole.text("type", order_type_names[static_cast<std::size_t>(event.type)]);
    domain::Object payload{whole.member("payload")};
    payload.text("orderId", id);
    if (event.type == Type::created) {
        payload.text("customerId", event.customer);
        write_field(payload, "items", event.items, must);
        append_amounts(payload, event.amounts);
        payload.maybe("shippingAddress", event.address)
            .maybe("paymentMethod", event.payment_method)
            .maybe("saga", event.orchestrated ? orchestration : "");
    }
    payload.maybe("reason", event.reason).end();
    domain::Object metadata{whole.member("metadata")};
    metadata.text("eventId", its_id)
        .time("timestamp", event.at)
        .number("version", int{order_upcasters().today(static_cast<std::uint8_t>(event.type))})
        .maybe("correlationId", correlation_id)
        .end();
    whole.end();
    return out;
}

// What the one amount was made of nobody knows. Some producers of schema 1 called it totalAmount.
std::string take_amount_apart(std::string_view stored) {
    auto whole = event::parse_json(stored);
    if (!whole || !whole->is_object()) return std::string{stored};
    auto* payload = whole->as_object().if_contains("payload");
    if (payload != nullptr && payload->is_object()) {
        auto& values = payload->as_object();
        const auto* amount = values.if_contains("amount");
        if (amount == nullptr) amount = values.if_contains("totalAmount");
        if (amount != nullptr) {
            const boost::json::value one = *amount;
            values.erase("amount");
            values["subtotal"] = one;
            values["tax"] = 0;
            values["shippingFee"] = 0;
            values["totalAmount"] = one;
        }
    }
    auto* metadata = whole->as_object().if_contains("metadata");
    if (metadata != nullptr && metadata->is_object()) metadata->as_object()["version"] = 2;
    std::string out;
    event::append_json_value(out, *whole);
    return out;
}

}  // namespace

const event::Upcasters& order_upcasters() {
    static const event::Upcasters all = [] {
        constexpr auto created = static_cast<std::uint8_t>(Type::created);
        const std::array<event::Schema, 1> today{{{created, 2}}};
        const std::array<event::Upcaster, 1> steps{{{created, 1, take_amount_apart}}};
        return event::Upcasters::make(order_category, today, steps).value();
    }();
    return all;
}

event::Draft make_draft(const OrderEvent& event, std::string_view id, std::string_view its_id,
                        std::string_view customer, std::string_view correlation_id) {
    const auto json = encode_event(event, id, its_id, correlation_id);
    const auto type = static_cast<std::uint8_t>(event.type);
    return event::Event::make({.category = &order_category,
                               .type = type,
                               .schema_version = order_upcasters().today(type),
                               .fingerprint = fingerprint_of(event),
                               .stream_id = domain::inside(json, id),
                               .id = domain::inside(json, its_id),
                               .subject = domain::inside(json, customer),
                               .json = json});
}

std::uint64_t fingerprint_of(const OrderEvent& event) {
    std::string text{order_type_names[static_cast<std::size_t>(event.type)]};
    for (const auto& item : event.items) text += fmt::format(" {}x{}", item.quantity, item.product_id);
    for (const auto& part : {event.customer, event.address, event.payment_method, event.reason})
        text.append("\n").append(part);
    return stable_hash(text);
}

result<OrderEvent> decode_order(Type type, std::string_view body) {
    const std::string text = std::string{"{"}.append(body);
    const auto values = event::read_members(text, event_names);
    if (!values) return fail(errc::unreadable, {}, values.error().detail);
    const auto payload = event::read_members((*values)[payload_name], payload_names);
    if (!payload) return unreadable("payload");
    const auto metadata = event::read_members((*values)[metadata_name], metadata_names);
    const auto at = metadata ? parse_rfc3339(text_of((*metadata)[timestamp])) : std::nullopt;
    if (!at) return unreadable("metadata.timestamp");
    OrderEvent event{.type = type, .at = *at, .reason = text_of((*payload)[reason])};
    if (type == Type::created)
        if (auto read = read_created(*payload, event); !read) return tl::unexpected{read.error()};
    return event;
}

result<OrderEvent> decode_order(const event::Event& stored) {
    std::string scratch;
    const auto body = order_upcasters().body(stored, scratch);
    if (!body) return tl::unexpected{body.error()};
    return decode_order(static_cast<Type>(stored.type_index()), *body);
}

result<void> check_stored_order(const event::Event& draft) {
    const auto read = decode_order(draft);
    if (!read) return tl::unexpected{read.error()};
    const std::string text = std::string{"{"}.append(draft.body());
    const auto values = event::read_members(text, event_names).value();
    const auto payload = event::read_members(values[payload_name], payload_names).value();
    const auto metadata = event::read_members(values[metadata_name], metadata_names).value();
    if (text_of(values[type_name]) != draft.type()) return unreadable("type");
    if (text_of(payload[order_id]) != draft.stream_id() || !event::fault_of_id(draft.stream_id()).empty())
        return unreadable("payload.orderId");
    if (text_of(metadata[event_id]) != draft.id()) return unreadable("metadata.eventId");
    if (draft.lifecycle() != event::Lifecycle::neutral) return unreadable("lifecycle");
    if (read->type == Type::created && read->customer != draft.subject())
        return unreadable("payload.customerId");
    return {};
}

result<std::optional<OrderNote>> read_note(std::string_view value) {
    constexpr std::array<std::string_view, 2> names{"type", "payload"};
    const auto json = event::received_json(value);
    if (!json) return fail(errc::malformed, {}, json.error().detail);
    const auto values = event::read_members(*json, names);
    if (!values) return fail(errc::malformed, {}, values.error().detail);
    const auto type = event::json_text((*values)[0]);
    if (!type) return fail(errc::invalid_field, "type", "is required");
    const auto known = std::ranges::find(order_type_names, *type);
    if (known == order_type_names.end()) return std::optional<OrderNote>{};
    const auto payload = event::read_members((*values)[1], payload_names);
    auto id = payload ? text_of((*payload)[order_id]) : std::string{};
    if (!event::fault_of_id(id).empty()) return fail(errc::invalid_field, "payload.orderId", "is required");
    return OrderNote{static_cast<Type>(known - order_type_names.begin()), std::move(id)};
}

std::string encode_order(std::string_view id, const Order& order, event::Version version) {
    std::string out;
    domain::Object whole{out};
    whole.text("orderId", id)
        .text("customerId", order.customer)
        .text("status", order_status_names[static_cast<std::size_t>(order.status)]);
    write_field(whole, "items", order.items, must);
    append_amounts(whole, order.amounts);
    whole.maybe("shippingAddress", order.address)
        .maybe("paymentMethod", order.payment_method)
        .maybe("saga", order.orchestrated ? orchestration : "")
        .maybe("reason", order.reason)
        .number("version", version)
        .time("createdAt", order.created_at)
        .time("updatedAt", order.updated_at)
        .end();
    return out;
}

void OrderAggregate::evolve(const event::Event& event, std::string_view body) {
    const auto read = decode_order(static_cast<Type>(event.type_index()), body);
    if (read)
        shop::evolve(order_, *read);
    else
        broken_ = true;
}

flow::AggregateKind order_kind() {
    return {.category = &order_category, .upcasters = &order_upcasters(), .make = [] {
                return std::make_unique<OrderAggregate>();
            }};
}

}  // namespace stepcast::shop
