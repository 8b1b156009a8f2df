// What each service decides, without any of the parts that carry it out.
#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <fmt/format.h>

#include "base/hash.hpp"
#include "domain/shop/messages.hpp"
#include "domain/shop/order.hpp"
#include "domain/shop/payment.hpp"
#include "domain/shop/stock.hpp"

namespace stepcast::shop {
namespace {

const Timestamp opening = *parse_rfc3339("2026-01-01T12:00:00Z");

/// The status that an order comes to by news, or the refusal.
std::string after(std::initializer_list<OrderNews> news, bool orchestrated = false) {
    Order order;
    evolve(order,
           {.type = OrderEventType::created, .at = opening, .customer = "kim", .orchestrated = orchestrated});
    for (const auto one : news) {
        const auto events = follow(order, one, "why", opening);
        if (!events) return events.error().code.message();
        for (const auto& event : *events) evolve(order, event);
    }
    return std::string{order_status_names[static_cast<std::size_t>(order.status)]};
}

TEST(ShopOrder, goes_where_the_services_say_and_nowhere_else) {
    using enum OrderNews;
    EXPECT_EQ(after({}), "PENDING");
    EXPECT_EQ(after({stock_reserved}), "STOCK_RESERVED");
    EXPECT_EQ(after({stock_reserved, paid}), "CONFIRMED");
    EXPECT_EQ(after({stock_reserved, paid, ship}), "SHIPPED");
    EXPECT_EQ(after({failed}), "CANCELLED");
    EXPECT_EQ(after({stock_reserved, failed}), "CANCELLED");
    EXPECT_EQ(after({overdue}), "CANCELLED");
    EXPECT_EQ(after({stock_reserved, paid, cancelled}), "CANCELLED");
    EXPECT_EQ(after({stock_reserved, paid, ship, cancelled}), "The order is shipped already");
    // Messages over several topics have no order.
    EXPECT_EQ(after({paid, stock_reserved}), "CONFIRMED");
    EXPECT_EQ(after({paid, overdue, failed}), "CONFIRMED");
    EXPECT_EQ(after({cancelled, paid, stock_reserved, ship, cancelled}), "CANCELLED");
    EXPECT_EQ(after({ship}), "PENDING");
}

TEST(ShopOrder, that_is_orchestrated_hears_its_orchestrator_and_no_service) {
    using enum OrderNews;
    EXPECT_EQ(after({stock_reserved, paid}, true), "PENDING");
    EXPECT_EQ(after({charged}, true), "PAID");
    EXPECT_EQ(after({charged, charged, fulfilled, ship}, true), "SHIPPED");
    EXPECT_EQ(after({fulfilled, charged}, true), "CONFIRMED") << "what came between was lost in a restart";
    EXPECT_EQ(after({charged, failed, fulfilled}, true), "CANCELLED");
    EXPECT_EQ(after({charged, fulfilled, overdue}, true), "CONFIRMED");
    EXPECT_EQ(after({charged, fulfilled, cancelled, ship}, true), "CANCELLED");
    EXPECT_EQ(after({charged, fulfilled}), "PENDING") << "the other style";
}

TEST(ShopOrder, a_product_that_is_named_twice_is_ordered_once) {
    EXPECT_EQ(merged({{1, 2, 0}, {2, 1, 0}, {1, 3, 0}}), (std::vector<OrderItem>{{1, 5, 0}, {2, 1, 0}}));
    EXPECT_EQ(merged({{1, max_amount, 0}, {1, max_amount, 0}}).front().quantity, max_amount);
}

TEST(ShopStock, an_order_is_reserved_whole_or_not_at_all) {
    Stock stock;
    evolve(stock, {.product_id = 1, .name = "노트북", .price = 10, .stock = 5});
    evolve(stock, {.product_id = 2, .name = "마우스", .price = 1, .stock = 1});
    const auto refused = reserve(stock, "O", {{1, 2, 0}, {2, 2, 0}});
    EXPECT_EQ(refused.type, StockEventType::refused);
    EXPECT_EQ(refused.reason, "재고 부족: 상품 2, 주문 2개, 재고 1개");
    EXPECT_EQ(reserve(stock, "O", {{3, 1, 0}}).type, StockEventType::refused);
    evolve(stock, reserve(stock, "O", {{1, 5, 0}, {2, 1, 0}}));
    EXPECT_EQ(*stock.find(1), (Product{"노트북", 10, 5, 5}));
    EXPECT_EQ(reserve(stock, "P", {{1, 1, 0}}).type, StockEventType::refused);
    EXPECT_FALSE(check_set(stock, {.product_id = 1, .stock = 4}));
    EXPECT_TRUE(check_set(stock, {.product_id = 1, .stock = 5}));
    evolve(stock, *let_go(stock, "O", StockEventType::shipped));
    EXPECT_EQ(*stock.find(1), (Product{"노트북", 10, 0, 0}));
    EXPECT_FALSE(let_go(stock, "O", StockEventType::released));
}

RC_GTEST_PROP(ShopStock, nothing_is_sold_twice_or_lost_whatever_comes_in_whatever_order, ()) {
    Stock stock;
    for (std::int64_t id = 1; id <= 3; ++id) evolve(stock, {.product_id = id, .name = "p", .stock = 10});
    std::map<std::int64_t, std::int64_t> shipped;
    const auto steps = *rc::gen::container<std::vector<std::tuple<int, int, std::int64_t, std::int64_t>>>(
        rc::gen::tuple(rc::gen::inRange(0, 4), rc::gen::inRange(0, 5), rc::gen::inRange<std::int64_t>(1, 4),
                       rc::gen::inRange<std::int64_t>(1, 8)));
    for (const auto& [kind, number, product, quantity] : steps) {
        const auto order = fmt::format("O{}", number);
        std::optional<StockEvent> event;
        if (kind < 2 && !stock.held.contains(order))
            event = reserve(stock, order, {{product, quantity, 0}, {product % 3 + 1, 1, 0}});
        if (kind == 2) event = let_go(stock, order, StockEventType::released);
        if (kind == 3) event = let_go(stock, order, StockEventType::shipped);
        if (!event) continue;
        evolve(stock, *event);
        evolve(stock, *event);  // twice is once
        if (event->type == StockEventType::shipped)
            for (const auto& item : event->items) shipped[item.product_id] += item.quantity;
        std::map<std::int64_t, std::int64_t> held;
        for (const auto& [id, items] : stock.held)
            for (const auto& item : items) held[item.product_id] += item.quantity;
        for (const auto& [id, left] : stock.products) {
            RC_ASSERT(left.stock + shipped[id] == 10);
            RC_ASSERT(left.reserved == held[id]);
            RC_ASSERT(left.reserved <= left.stock);
        }
        RC_ASSERT(load_stock(encode_stock(stock)) == stock);
        const auto draft = make_draft(*event, "e");
        RC_ASSERT(check_stored_stock(*draft).has_value());
        RC_ASSERT(decode_stock(*draft)->items == event->items);
    }
}

TEST(ShopStock, the_fold_and_what_is_saved_of_it_are_those_of_this_schema) {
    Stock stock;
    evolve(stock, {.product_id = 1, .name = "노트북", .price = 10, .stock = 5});
    evolve(stock, {.type = StockEventType::reserved, .order_id = "O", .items = {{1, 2, 10}}});
    evolve(stock, {.type = StockEventType::reserved, .order_id = "P", .items = {{1, 1, 10}}});
    evolve(stock, {.type = StockEventType::shipped, .order_id = "P"});
    // If this differs, the fold or the layout has changed: raise the kind's schema, so that no snapshot of
    // before is taken for one of today, and then change the text.
    EXPECT_EQ(stock_kind().schema, 1u);
    EXPECT_EQ(encode_stock(stock),
              R"({"products":[{"productId":1,"name":"노트북","price":10,"stock":4,"reserved":2}],)"
              R"("held":[{"orderId":"O","items":[{"productId":1,"quantity":2,"price":10}]}]})");
    EXPECT_FALSE(load_stock(R"({"products":[{"productId":1}],"held":[]})"));
    EXPECT_FALSE(load_stock("{}"));
}

// Requests, cancels and the provider's answers in any order, each any number of times.
RC_GTEST_PROP(ShopPayment, is_asked_for_once_and_given_back_once, ()) {
    using enum PaymentEventType;
    const auto types = *rc::gen::container<std::vector<PaymentEventType>>(
        rc::gen::element(requested, completed, failed, cancelled, refunded));
    Payment payment;
    std::map<PaymentEventType, int> count;
    for (const auto type : types) {
        if (!may_follow(payment, type)) continue;
        evolve(payment, {.type = type, .order_id = "O", .amount = 10});
        ++count[type];
    }
    RC_ASSERT(count[requested] <= 1);
    RC_ASSERT(count[completed] + count[failed] <= 1);
    RC_ASSERT(count[refunded] <= count[cancelled]);
    RC_ASSERT(count[cancelled] <= 1);
    if (count[cancelled] != 0 && count[requested] != 0)
        RC_ASSERT(payment.status == PaymentStatus::cancelling || payment.status == PaymentStatus::refunded);
    if (count[requested] == 0) RC_ASSERT(count[completed] + count[refunded] == 0);
}

TEST(ShopPayment, that_is_cancelled_before_it_is_asked_for_is_never_asked_for) {
    Payment payment;
    evolve(payment, {.type = PaymentEventType::cancelled, .order_id = "O"});
    EXPECT_EQ(payment.status, PaymentStatus::barred);
    EXPECT_FALSE(may_follow(payment, PaymentEventType::requested));
    EXPECT_FALSE(payment.under_way());
}

TEST(ShopMessages, come_back_as_they_were_sent) {
    const OrderCreatedEvent created{"O",           "kim", {{1, 2, 10}}, 20, "서울시 강남구",
                                    "CREDIT_CARD", "",    opening};
    EXPECT_EQ(
        to_json(created),
        R"({"orderId":"O","userId":"kim","items":[{"productId":1,"quantity":2,"price":10}],"totalAmount":20,)"
        R"("shippingAddress":"서울시 강남구","paymentMethod":"CREDIT_CARD","timestamp":"2026-01-01T12:00:00.000Z"})");
    const auto again = [](const auto& message) {
        return to_json(from_json<std::decay_t<decltype(message)>>(to_json(message)).value()) ==
               to_json(message);
    };
    EXPECT_TRUE(again(created));
    EXPECT_TRUE(again(OrderCancelledEvent{"O", "kim", "why", "orchestration", opening}));
    EXPECT_TRUE(again(StockReservedEvent{"O", "kim", {{1, 2, 10}}, 20, "CARD", "", opening}));
    EXPECT_TRUE(again(StockReservationFailedEvent{{"O", "kim", "why", "", opening}}));
    EXPECT_TRUE(again(PaymentCompletedEvent{"O", "kim", 20, opening}));
    EXPECT_TRUE(again(PaymentFailedEvent{{"O", "kim", "why", "", opening}}));
    EXPECT_TRUE(
        again(OrderCommand{StepCommand::release, "O", "kim", {{1, 2, 10}}, 20, "CARD", "why", opening}));
    EXPECT_TRUE(again(CompensationCompletedEvent{"O", "stock", opening}));
    EXPECT_EQ(
        from_json<OrderCommand>(R"({"command":"PAY","orderId":"O","userId":"u","items":[],"totalAmount":1})")
            .error()
            .field,
        "command");
    EXPECT_TRUE(again(NotificationEvent{"O:X", "kim", "X", "\"text\"", "O", opening}));
}

TEST(ShopMessages, what_cannot_be_read_is_refused_by_the_name_of_its_field) {
    const auto refused = [](std::string_view json) {
        const auto read = from_json<OrderCreatedEvent>(json);
        return read ? "taken" : read.error().code == errc::malformed ? "malformed" : read.error().field;
    };
    EXPECT_EQ(refused(R"({"orderId":"O","userId":"u","items":[],"totalAmount":1,"more":{}})"), "taken");
    EXPECT_EQ(refused(R"({"userId":"u","items":[],"totalAmount":1})"), "orderId");
    EXPECT_EQ(refused(R"({"orderId":"","userId":"u","items":[],"totalAmount":1})"), "orderId");
    EXPECT_EQ(refused(R"({"orderId":"O","userId":null,"items":[],"totalAmount":1})"), "userId");
    EXPECT_EQ(refused(R"({"orderId":"O","userId":"u","items":{},"totalAmount":1})"), "items");
    EXPECT_EQ(refused(R"({"orderId":"O","userId":"u","items":[{"productId":1}],"totalAmount":1})"), "items");
    EXPECT_EQ(refused(R"({"orderId":"O","userId":"u","items":[],"totalAmount":-1})"), "totalAmount");
    EXPECT_EQ(refused(R"({"orderId":"O","userId":"u","items":[],"totalAmount":1.5})"), "totalAmount");
    EXPECT_EQ(refused("[]"), "malformed");
    EXPECT_EQ(refused("{"), "malformed");
}

}  // namespace
}  // namespace stepcast::shop
