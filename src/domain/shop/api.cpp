#include "domain/shop/api.hpp"

#include <utility>

#include "domain/schemas.hpp"
#include "domain/shop/messages.hpp"
#include "http/answers.hpp"

namespace stepcast::shop::api {
namespace {

using http::Access;
using http::Answer;
using http::Parameter;
using http::Schema;
using http::Shape;
using enum Parameter::In;

#define SHOP_WON R"("type":"integer","minimum":0,"maximum":9007199254740991)"
#define SHOP_ID R"("type":"integer","minimum":1,"maximum":9007199254740991)"
#define SHOP_TIME R"({"type":"string","format":"date-time"})"
#define SHOP_TEXT R"("type":["string","null"],"maxLength":256)"

constexpr Parameter product_id{path, "productId", "The product", "{" SHOP_ID "}", true};
constexpr Parameter order_id{path, "orderId", "The order", domain::id_schema, true};
constexpr auto wait_for = domain::wait_parameter;
constexpr auto key = domain::key_parameter("Who sends the call again with the same key means the same order");
constexpr Parameter customer{
    query, "userId", "Whose; absent: the caller's, or everybody's where one may see them", domain::id_schema};
constexpr Parameter status{
    query, "status", "Only those",
    R"({"type":"string","enum":["PENDING","STOCK_RESERVED","PAID","CONFIRMED","SHIPPED","CANCELLED"]})"};
constexpr Parameter since{query, "since", "Only those that were placed then or later (RFC 3339)", SHOP_TIME};
constexpr Parameter until{query, "until", "Only those that were placed before (RFC 3339)", SHOP_TIME};
constexpr Parameter after{query, "after", "From a `Link` header", R"({"type":"string"})"};
constexpr Parameter listed{query, "limit", "At most so many; `Link: rel=\"next\"` goes on behind them",
                           R"({"type":"integer","minimum":1,"maximum":1000,"default":100})"};
constexpr Parameter version{query, "version", "As it stood after that event", domain::whole_schema};
constexpr Parameter at{query, "at", "As it stood at that time (RFC 3339)", SHOP_TIME};
constexpr Parameter from{query, "from", "The first version", domain::whole_schema};
constexpr Parameter limit{query, "limit", "At most so many; `Link: rel=\"next\"` goes on behind them",
                          R"({"type":"integer","minimum":1,"maximum":1000,"default":1000})"};

constexpr Schema product_schema{"Product", R"({
  "type":"object","required":["productId","name","price","stock","reserved"],
  "properties":{"productId":{)" SHOP_ID R"(},"name":{"type":"string"},"price":{)" SHOP_WON R"(},
    "stock":{)" SHOP_WON R"(,"description":"That are there, reserved ones too"},
    "reserved":{)" SHOP_WON R"(,"description":"For orders that have neither left nor ended"}}})"};
constexpr Schema new_product{"NewProduct", R"({
  "type":"object","required":["name","price","stock"],
  "properties":{"name":{"type":"string","maxLength":256},"price":{)" SHOP_WON R"(},"stock":{)" SHOP_WON
                                           R"(}}})"};
constexpr Schema new_order{"NewOrder", R"({
  "type":"object","required":["orderItems"],
  "properties":{
    "userId":{"type":["string","null"],"minLength":1,"maxLength":128,)" STEPCAST_PRINTABLE R"(},
    "orderItems":{"type":"array","minItems":1,"maxItems":100,"items":{"type":"object","required":["productId","quantity"],
      "properties":{"productId":{)" SHOP_ID R"(},"quantity":{)" SHOP_ID R"(}}}},
    "shippingAddress":{)" SHOP_TEXT R"(},"paymentMethod":{)" SHOP_TEXT R"(}}})"};
constexpr Schema order_taken{"OrderTaken", R"({
  "type":"object","required":["orderId","status","taskId"],
  "properties":{"orderId":{"type":"string"},"status":{"type":"string"},
    "taskId":{"type":"string","description":"The task that tells its progress"}}})"};
constexpr Schema order_schema{"ShopOrder", R"({
  "type":"object","required":["orderId","customerId","status","items","totalAmount","version"],
  "properties":{
    "orderId":{"type":"string"},"customerId":{"type":"string"},
    "status":{"type":"string","enum":["PENDING","STOCK_RESERVED","PAID","CONFIRMED","SHIPPED","CANCELLED"]},
    "items":{"type":"array","items":{"type":"object","properties":{"productId":{)" SHOP_ID
                                           R"(},"quantity":{)" SHOP_ID R"(},"price":{)" SHOP_WON R"(}}}},
    "subtotal":{)" SHOP_WON R"(},"tax":{)" SHOP_WON R"(},"shippingFee":{)" SHOP_WON
                                           R"(},"totalAmount":{)" SHOP_WON R"(},
    "shippingAddress":{"type":"string"},"paymentMethod":{"type":"string"},"reason":{"type":"string"},
    "saga":{"type":"string","const":"orchestration","description":"Absent: choreography"},
    "version":{"type":"integer","minimum":1},
    "createdAt":{"type":"string","format":"date-time"},"updatedAt":{"type":"string","format":"date-time"}}})"};
constexpr Schema order_event{"ShopOrderEvent", R"({
  "type":"object","required":["version","type","payload","metadata"],
  "properties":{"version":{"type":"integer","minimum":1},
    "type":{"type":"string","enum":["ORDER_CREATED","ORDER_STOCK_RESERVED","ORDER_PAID","ORDER_CONFIRMED","ORDER_SHIPPED","ORDER_CANCELLED"]},
    "payload":{"type":"object"},"metadata":{"type":"object","properties":{"eventId":{"type":"string"},
      "timestamp":{"type":"string","format":"date-time"},"version":{"type":"integer","description":"Of the schema"}}}}})"};

const auto& later = domain::unavailable_answer;
const Answer bad{400, "The call is malformed; `field` names the place"};
const Answer not_owner{403, "Another user's"};
const Answer no_order{404, "No such order"};
const Answer no_product{404, "No such product"};
const auto& not_in_time = domain::not_in_time_answer;

}  // namespace

const http::RouteInfo products{
    .summary = "All products",
    .access = Access::open,
    .parameters = {wait_for},
    .answers = {{.status = 200, .meaning = "By id", .schema = &product_schema, .shape = Shape::list},
                bad,
                not_in_time},
};

const http::RouteInfo product{
    .summary = "A product with its stock",
    .access = Access::open,
    .parameters = {product_id, wait_for},
    .answers = {{.status = 200, .meaning = "The product", .schema = &product_schema},
                bad,
                no_product,
                not_in_time},
};

const http::RouteInfo put_product{
    .summary = "Say what a product is, what it costs and how many are there",
    .access = Access::admin,
    .idempotent = true,
    .parameters = {product_id},
    .body = &new_product,
    .answers = {{.status = 200,
                 .meaning = "So it stands now",
                 .schema = &product_schema,
                 .headers = {"Stepcast-Position"}},
                {400, "The call is malformed, or the stock is below what is reserved"},
                later},
};

const http::RouteInfo place_order{
    .summary = "Order products",
    .description =
        "Stock is reserved, the payment is made, and the order is confirmed, each by a service of "
        "its own; else it is cancelled with a reason. Its progress is a task: "
        "`/api/v2/progress/subscribe/{taskId}`.",
    .access = Access::user,
    .parameters = {key},
    .body = &new_order,
    .answers = {{.status = 202,
                 .meaning = "It is on its way",
                 .schema = &order_taken,
                 .headers = {"Location", "Stepcast-Position", "Idempotency-Replayed"}},
                bad,
                {403, "For another user, without the scope `publish`"},
                no_product,
                {422, "There is another order of that key"},
                later},
};

const http::RouteInfo orders{
    .summary = "Orders, the newest first",
    .description = "Of a rare status a page may be short and go on all the same.",
    .access = Access::user,
    .parameters = {customer, status, since, until, after, listed, wait_for},
    .answers = {{.status = 200,
                 .meaning = "By the time at which they were placed",
                 .schema = &order_schema,
                 .shape = Shape::list,
                 .headers = {"Link"}},
                bad,
                not_owner,
                not_in_time,
                later},
};

const http::RouteInfo order{
    .summary = "What became of an order",
    .access = Access::user,
    .parameters = {order_id, version, at, wait_for},
    .answers = {{.status = 200, .meaning = "The order", .schema = &order_schema, .headers = {"ETag"}},
                {304, "`If-None-Match` names it", nullptr, Shape::one, ""},
                bad,
                not_owner,
                {404, "No such order, or no such version of it"},
                not_in_time,
                later},
};

const http::RouteInfo order_events{
    .summary = "What happened to an order, event by event",
    .access = Access::user,
    .parameters = {order_id, from, limit, wait_for},
    .answers = {{.status = 200,
                 .meaning = "As they are stored",
                 .schema = &order_event,
                 .shape = Shape::list,
                 .headers = {"ETag", "Link"}},
                bad,
                not_owner,
                no_order,
                not_in_time,
                later},
};

const http::RouteInfo cancel_order{
    .summary = "Cancel an order",
    .description =
        "Until it is shipped. What was paid is given back, also if the payment is still under way.",
    .access = Access::user,
    .idempotent = true,
    .parameters = {order_id},
    .body = &http::nothing_asked,
    .body_required = false,
    .answers = {{.status = 202,
                 .meaning = "It is cancelled; what was done for it is being undone",
                 .schema = &order_taken,
                 .headers = {"Location", "Stepcast-Position"}},
                bad,
                not_owner,
                no_order,
                {409, "`already-shipped`"},
                later},
};

std::vector<domain::TopicInfo> topics(std::string_view prefix) {
    // Of an order's messages; without a sender where two services write them, and each message says who.
    const auto of_orders = [&](std::string_view name, std::string_view sender, std::string_view meaning) {
        return domain::TopicInfo{.name = std::string{prefix}.append(name),
                                 .meaning = meaning,
                                 .read = true,
                                 .written = true,
                                 .key = "The order",
                                 .sender = sender};
    };
    auto of_products =
        of_orders(topic::product_events, "product", "What a product is and costs, once it is stored");
    of_products.key = "The product";
    auto of_users = of_orders(topic::user_notifications, "notification", "What users are told");
    of_users.key = "The user";
    of_users.read = false;
    std::vector<domain::TopicInfo> all{
        of_orders(topic::order_created, "order", "An order is taken"),
        of_orders(topic::order_cancelled, "order", "An order is cancelled, with the reason"),
        of_orders(topic::stock_reserved, "product", "All items of an order are reserved"),
        of_orders(topic::stock_reservation_failed, "product", "Something is out of stock"),
        of_orders(topic::payment_completed, "payment", "An order is paid"),
        of_orders(topic::payment_failed, "payment", "An order cannot be paid"),
        of_orders(topic::payment_commands, "order",
                  "What the payment service is to do for an order that is orchestrated"),
        of_orders(topic::stock_commands, "order",
                  "What the product service is to do for an order that is orchestrated"),
        of_orders(topic::compensation_completed, "", "What a service did for an order is undone"),
        of_orders(topic::order_events, "order", "Every event of orders, once it is stored"),
        std::move(of_products),
        std::move(of_users)};
    for (std::size_t i = 0; i < 11; ++i) all.push_back(domain::dead_letters_of(all[i].name));
    return all;
}

}  // namespace stepcast::shop::api
