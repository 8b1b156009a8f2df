#include "domain/shop/order.hpp"

#include <algorithm>

#include "base/error_category.hpp"

namespace stepcast::shop {
namespace {

OrderStatus status_after(OrderEventType type) {
    using enum OrderStatus;
    constexpr std::array<OrderStatus, order_type_names.size()> all{pending,   stock_reserved, paid,
                                                                   confirmed, shipped,        cancelled};
    return all[static_cast<std::size_t>(type)];
}

}  // namespace

std::error_code make_error_code(errc e) {
    static const ErrorCategory<errc> texts{"shop",
                                           {{errc::unreadable, "An event of this stream cannot be read"},
                                            {errc::malformed, "not a JSON object"},
                                            {errc::invalid_field, "a field is missing or wrong"},
                                            {errc::unknown_product, "There is no such product"},
                                            {errc::unknown_order, "There is no such order"},
                                            {errc::already_shipped, "The order is shipped already"},
                                            {errc::not_owner, "The order belongs to another user"},
                                            {errc::cancelled, "The order is cancelled"},
                                            {errc::refused, "A service refuses"},
                                            {errc::rebuilding, "the shop is being read; come again"},
                                            {errc::wrong_version, "It has another version"},
                                            {errc::unknown_version, "There is no such version"},
                                            {errc::empty_cart, "The cart is empty"}}};
    return texts.code(e);
}

bool is_open(const Order& order) {
    return order.status == OrderStatus::pending || order.status == OrderStatus::stock_reserved ||
           order.status == OrderStatus::paid;
}

result<std::vector<OrderEvent>> follow(const Order& order, OrderNews news, const std::string& reason,
                                       Timestamp now) {
    using enum OrderEventType;
    const auto at = std::max(now, order.updated_at);
    const OrderEvent cancel{.type = OrderEventType::cancelled, .at = at, .reason = reason};
    std::vector<OrderEvent> events;
    switch (news) {
        case OrderNews::nothing:
            break;
        case OrderNews::stock_reserved:
            if (!order.orchestrated && order.status == OrderStatus::pending)
                events = {{.type = stock_reserved, .at = at}};
            break;
        case OrderNews::paid:
            if (!order.orchestrated && is_open(order))
                events = {{.type = paid, .at = at}, {.type = confirmed, .at = at}};
            break;
        case OrderNews::charged:
            if (order.orchestrated && order.status == OrderStatus::pending)
                events = {{.type = paid, .at = at}};
            break;
        case OrderNews::fulfilled:
            if (!order.orchestrated || !is_open(order)) break;
            if (order.status == OrderStatus::pending) events = {{.type = paid, .at = at}};
            events.push_back({.type = stock_reserved, .at = at});
            events.push_back({.type = confirmed, .at = at});
            break;
        case OrderNews::failed:
        case OrderNews::overdue:
            if (is_open(order)) events = {cancel};
            break;
        case OrderNews::cancelled:
            if (order.status == OrderStatus::shipped) return fail(errc::already_shipped);
            if (order.status != OrderStatus::cancelled) events = {cancel};
            break;
        case OrderNews::ship:
            if (order.status == OrderStatus::confirmed) events = {{.type = shipped, .at = at}};
            break;
    }
    return events;
}

std::vector<OrderItem> merged(const std::vector<OrderItem>& items) {
    std::vector<OrderItem> all;
    for (const auto& item : items) {
        const auto known = std::ranges::find(all, item.product_id, &OrderItem::product_id);
        if (known == all.end())
            all.push_back(item);
        else
            known->quantity = std::min(max_amount, known->quantity + item.quantity);
    }
    return all;
}

void evolve(Order& order, const OrderEvent& event) {
    order.status = status_after(event.type);
    order.updated_at = event.at;
    if (event.type == OrderEventType::created) {
        order.customer = event.customer;
        order.items = event.items;
        order.amounts = event.amounts;
        order.address = event.address;
        order.payment_method = event.payment_method;
        order.orchestrated = event.orchestrated;
        order.created_at = event.at;
    }
    if (event.type == OrderEventType::cancelled) order.reason = event.reason;
}

}  // namespace stepcast::shop
