#include "proof/prove/shop_history.hpp"

#include <gmock/gmock.h>

namespace stepcast::proof {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<ShopEvent> events_of(std::initializer_list<const char*> types, std::int64_t amount = 100) {
    std::vector<ShopEvent> events;
    for (const auto* type : types)
        events.push_back({"e" + std::to_string(events.size()), events.size() + 1, type, amount});
    return events;
}

ShopOrder order_of(std::string status, std::initializer_list<const char*> payment) {
    return {"o", std::move(status), 100, events_of({"ORDER_CREATED"}), events_of(payment)};
}

const std::vector<StockChange> changes{
    {.id = "p", .version = 1, .type = "PRODUCT_SET", .product = 1, .stock = 5},
    {.id = "a:stock", .version = 2, .type = "STOCK_RESERVED", .order = "a", .items = {{1, 2}}},
    {.id = "b:stock", .version = 3, .type = "STOCK_RESERVED", .order = "b", .items = {{1, 3}}},
    {.id = "c:stock", .version = 4, .type = "STOCK_REFUSED", .order = "c"},
    {.id = "a:shipped", .version = 5, .type = "STOCK_SHIPPED", .order = "a", .items = {{1, 2}}},
    {.id = "b:released", .version = 6, .type = "STOCK_RELEASED", .order = "b", .items = {{1, 3}}}};
const std::map<std::string, bool> ends{{"a", true}, {"b", false}, {"c", false}};

std::vector<std::string> judge(std::vector<StockChange> with, const Shelves& shown = {{1, {3, 0}}}) {
    return faults_of_stock(with, ends, shown);
}

TEST(ShopHistory, orders_that_ended_well_have_no_faults) {
    EXPECT_THAT(faults_of_order(order_of("SHIPPED", {"PAYMENT_REQUESTED", "PAYMENT_COMPLETED"})), IsEmpty());
    EXPECT_THAT(faults_of_order(order_of("CANCELLED", {})), IsEmpty());
    EXPECT_THAT(faults_of_order(order_of("CANCELLED", {"PAYMENT_REQUESTED", "PAYMENT_FAILED"})), IsEmpty());
    EXPECT_THAT(faults_of_order(
                    order_of("CANCELLED", {"PAYMENT_REQUESTED", "PAYMENT_CANCELLED", "PAYMENT_REFUNDED"})),
                IsEmpty())
        << "a cancel before the answer";
}

TEST(ShopHistory, an_order_ends_and_nothing_happens_to_it_twice) {
    EXPECT_THAT(faults_of_order(order_of("PENDING", {})), ElementsAre(HasSubstr("has not ended: PENDING")));
    EXPECT_THAT(
        faults_of_order(order_of("SHIPPED", {"PAYMENT_REQUESTED", "PAYMENT_COMPLETED", "PAYMENT_COMPLETED"})),
        ElementsAre(HasSubstr("PAYMENT_COMPLETED is there twice")));
    auto gap = order_of("CANCELLED", {});
    gap.events.push_back({"e9", 3, "ORDER_CANCELLED"});
    EXPECT_THAT(faults_of_order(gap), ElementsAre(HasSubstr("version 3 stands where 2")));
}

TEST(ShopHistory, money_is_kept_for_what_left_only) {
    EXPECT_THAT(faults_of_order(order_of("SHIPPED", {})), ElementsAre(HasSubstr("it left for 0 of 100")));
    EXPECT_THAT(faults_of_order(order_of("CANCELLED", {"PAYMENT_REQUESTED", "PAYMENT_COMPLETED"})),
                ElementsAre(HasSubstr("100 won are kept")));
    EXPECT_THAT(faults_of_order(order_of("CANCELLED", {"PAYMENT_REQUESTED"})),
                ElementsAre(HasSubstr("has not ended")));
    auto other = order_of("CANCELLED", {"PAYMENT_REQUESTED", "PAYMENT_FAILED"});
    other.total = 90;
    EXPECT_THAT(faults_of_order(other), Contains(HasSubstr("100 won were asked for")));
}

TEST(ShopHistory, a_stock_that_is_whole_has_no_faults) {
    EXPECT_THAT(judge(changes), IsEmpty());
    EXPECT_EQ(fold_stock(changes), (Shelves{{1, {3, 0}}}));
}

TEST(ShopHistory, stock_is_reserved_once_and_not_beyond_what_is_there) {
    auto many = changes;
    many[2].items[1] = 4;
    EXPECT_THAT(judge(many), Contains(HasSubstr("6 are reserved of 5")));
    auto twice = changes;
    twice.push_back({.id = "x", .version = 7, .type = "STOCK_BARRED", .order = "a"});
    EXPECT_THAT(judge(twice), ElementsAre(HasSubstr("judged twice")));
}

TEST(ShopHistory, stock_goes_as_its_order_went) {
    auto held = changes;
    held.pop_back();
    EXPECT_THAT(judge(held, {{1, {3, 3}}}),
                ElementsAre(HasSubstr("b: it has ended, its stock is still held")));
    auto left = changes;
    left[5].type = "STOCK_SHIPPED";
    EXPECT_THAT(judge(left, {{1, {0, 0}}}), ElementsAre(HasSubstr("its stock left, it was cancelled")));
    auto again = changes;
    again.push_back({.id = "y", .version = 7, .type = "STOCK_RELEASED", .order = "b", .items = {{1, 3}}});
    EXPECT_THAT(judge(again), Contains(HasSubstr("of what it does not hold")));
}

TEST(ShopHistory, what_is_shown_is_what_the_events_come_to) {
    EXPECT_THAT(judge(changes, {{1, {4, 0}}}), ElementsAre(HasSubstr("4 are shown, the events come to 3")));
    EXPECT_THAT(faults_of_stock(changes, {{"a", false}, {"b", true}, {"c", true}}, {}, 2).size(), 2u);
}

}  // namespace
}  // namespace stepcast::proof
