#include "domain/shop/order.hpp"

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
                                           {{errc::unreadable, "An event of this order cannot be read"}}};
    return texts.code(e);
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
        order.created_at = event.at;
    }
    if (event.type == OrderEventType::cancelled) order.reason = event.reason;
}

}  // namespace stepcast::shop
