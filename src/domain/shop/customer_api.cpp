#include "domain/shop/customer_api.hpp"

#include "domain/schemas.hpp"
#include "http/answers.hpp"
#include "http/stream/stream_events.hpp"

namespace stepcast::shop::api {
namespace {

using http::Access;
using http::Answer;
using http::MessageInfo;
using http::Parameter;
using http::Schema;
using http::Shape;
using enum Parameter::In;

#define CART_NUMBER R"("type":"integer","minimum":0,"maximum":9007199254740991)"
#define CART_USER \
    R"("userId":{"type":["string","null"],"minLength":1,"maxLength":128,)" STEPCAST_PRINTABLE "}"
#define CART_TIME R"({"type":"string","format":"date-time"})"
#define NOTIFICATION_MEMBERS \
    R"("version":{"type":"integer","minimum":1},"notificationId":{"type":"string"},"userId":{"type":"string"},
    "type":{"type":"string"},"message":{"type":"string"},"orderId":{"type":"string"},
    "timestamp":{"type":"string","format":"date-time"})"

constexpr Parameter product_row{path, "productId", "The product", "{" CART_NUMBER "}", true};
constexpr Parameter user_id{query, "userId", "Whose; absent: the caller's, or the guest's",
                            domain::id_schema};
constexpr auto wait_position = domain::wait_parameter;
constexpr Parameter past_version{query, "version", "As it stood after that event", domain::whole_schema};
constexpr Parameter past_time{query, "at", "As it stood at that time (RFC 3339)", CART_TIME};
constexpr Parameter believed{header, "If-Match", "The version that the caller believes in, such as `\"v7\"`",
                             R"({"type":"string"})"};
constexpr auto checkout_key =
    domain::key_parameter("Who sends the call again with the same key means the same order");
constexpr Parameter first{query, "from", "The first version of the user's notifications",
                          domain::whole_schema};
constexpr Parameter most{query, "limit", "At most so many; `Link: rel=\"next\"` goes on behind them",
                         R"({"type":"integer","minimum":1,"maximum":1000,"default":1000})"};

constexpr Schema cart_schema{
    "Cart", R"({
  "type":"object","required":["userId","items","totalAmount","version"],
  "properties":{"userId":{"type":"string"},
    "items":{"type":"array","items":{"type":"object","required":["productId","name","price","quantity"],
      "properties":{"productId":{)" CART_NUMBER R"(},"name":{"type":"string"},"price":{)" CART_NUMBER
            R"(,"description":"As it was when the product was put there"},
        "quantity":{)" CART_NUMBER R"(}}}},
    "totalAmount":{)" CART_NUMBER
            R"(},"version":{"type":"integer","minimum":0,"description":"0: nothing was ever put there"},
    "updatedAt":)" CART_TIME "}}"};
constexpr Schema new_item{"NewCartItem", R"({
  "type":"object","required":["quantity"],
  "properties":{)" CART_USER R"(,"quantity":{"type":"integer","minimum":1,"maximum":9007199254740991}}})"};
constexpr Schema new_checkout{"Checkout", R"({
  "type":"object",
  "properties":{)" CART_USER R"(,"shippingAddress":{"type":["string","null"],"maxLength":256},
    "paymentMethod":{"type":["string","null"],"maxLength":256}}})"};
constexpr Schema cart_ordered{"CartOrdered", R"({
  "type":"object","required":["orderId","status","taskId"],
  "properties":{"orderId":{"type":"string"},"status":{"type":"string"},
    "taskId":{"type":"string","description":"The task that tells its progress"}}})"};
constexpr Schema notification_schema{"Notification", R"({
  "type":"object","required":["version","notificationId","userId","type","message","orderId","timestamp","read"],
  "properties":{)" NOTIFICATION_MEMBERS R"(,"read":{"type":"boolean"}}})"};
constexpr Schema streamed_schema{"StreamedNotification", R"({
  "type":"object","required":["version","userId","type","timestamp"],
  "description":"A notification, or with the type `READ` that all up to the version `upTo` are read.",
  "properties":{)" NOTIFICATION_MEMBERS R"(,"upTo":{"type":"integer","minimum":1}}})"};
constexpr Schema mailbox_schema{"Mailbox", R"({
  "type":"object","required":["userId","unread","readUpTo","latest"],
  "properties":{"userId":{"type":"string"},"unread":{"type":"integer","minimum":0},
    "readUpTo":{"type":"integer","minimum":0,"description":"Notifications up to this version are read"},
    "latest":{"type":"array","maxItems":20,"description":"The newest, the oldest of them first",
      "items":{"type":"object","properties":{)" NOTIFICATION_MEMBERS R"(,"read":{"type":"boolean"}}}}}})"};
constexpr Schema new_mark{
    "NewReadMark",
    R"({
  "type":"object","required":["upTo"],
  "properties":{)" CART_USER
    R"(,"upTo":{"type":"integer","minimum":0,"description":"The version of the last one that was read"}}})"};
constexpr Schema mark_schema{"ReadMark", R"({
  "type":"object","required":["unread","readUpTo"],
  "properties":{"unread":{"type":"integer","minimum":0},"readUpTo":{"type":"integer","minimum":0}}})"};

constexpr MessageInfo notification_message{"notification", "Something that the user is told, or has read",
                                           &streamed_schema, true};
constexpr MessageInfo mailbox_message{
    "recovery", "What the user was told last; replaces what the client knows of it", &mailbox_schema};

const auto& unavailable = domain::unavailable_answer;
const Answer malformed{400, "The call is malformed; `field` names the place"};
const Answer others{403, "Another user's"};
const auto& too_late = domain::not_in_time_answer;
const Answer cart_now{.status = 200,
                      .meaning = "So the cart stands now",
                      .schema = &cart_schema,
                      .headers = {"ETag", "Stepcast-Position"}};
const Answer other_version{412, "`wrong-expected-version`, with what was expected and what is"};

}  // namespace

const http::RouteInfo cart{
    .summary = "A customer's cart, now or in the past",
    .access = Access::user,
    .parameters = {user_id, past_version, past_time, wait_position},
    .answers = {{.status = 200, .meaning = "The cart", .schema = &cart_schema, .headers = {"ETag"}},
                {304, "`If-None-Match` names it", nullptr, Shape::one, ""},
                malformed,
                others,
                {404, "No such version of it, or none at that time"},
                too_late,
                unavailable},
};

const http::RouteInfo put_item{
    .summary = "Have so many of a product in the cart",
    .access = Access::user,
    .idempotent = true,
    .parameters = {product_row, user_id, believed},
    .body = &new_item,
    .answers = {cart_now, malformed, others, {404, "No such product"}, other_version, unavailable},
};

const http::RouteInfo delete_item{
    .summary = "Take a product out of the cart",
    .access = Access::user,
    .idempotent = true,
    .parameters = {product_row, user_id, believed},
    .body = &http::nothing_asked,
    .body_required = false,
    .answers = {cart_now, malformed, others, other_version, unavailable},
};

const http::RouteInfo check_out{
    .summary = "Order what is in the cart",
    .description =
        "The order is taken and the cart is empty in one commit. Until the cart changes, the call means the "
        "same order, however often it is sent; with a key also after that. Then it goes on as "
        "`POST /api/orders` says.",
    .access = Access::user,
    .idempotent = true,
    .parameters = {checkout_key, user_id},
    .body = &new_checkout,
    .body_required = false,
    .answers = {{.status = 202,
                 .meaning = "The order is on its way",
                 .schema = &cart_ordered,
                 .headers = {"Location", "Stepcast-Position", "Idempotency-Replayed"}},
                malformed,
                {403, "For another user, without the scope `publish`"},
                {404, "A product of the cart is no more"},
                {409, "`empty-cart`"},
                {422,
                 "It was ordered with another address or payment, or there is another order of that key"},
                unavailable},
};

const http::RouteInfo notifications{
    .summary = "A user's notifications, and which of them are read",
    .access = Access::user,
    .parameters = {user_id, first, most, wait_position},
    .answers = {{.status = 200,
                 .meaning = "In their order",
                 .schema = &notification_schema,
                 .shape = Shape::list,
                 .headers = {"Link"}},
                malformed,
                others,
                too_late,
                unavailable},
};

const http::RouteInfo read_notifications{
    .summary = "Say that notifications are read",
    .description = "All up to a version. The user's other streams are told.",
    .access = Access::user,
    .idempotent = true,
    .parameters = {user_id},
    .body = &new_mark,
    .answers = {{.status = 200,
                 .meaning = "So it stands now",
                 .schema = &mark_schema,
                 .headers = {"Stepcast-Position"}},
                malformed,
                others,
                {404, "`unknown-version`: the user was not told so much"},
                unavailable},
};

const http::RouteInfo subscribe_notifications{
    .summary = "Stream a user's notifications",
    .description =
        "Begins with what was missed since the last id, or with a `recovery` of the latest; `event: live` "
        "ends "
        "that. None is ever left out for a slow reader.",
    .access = Access::user,
    .parameters = {user_id, http::last_event_header, http::last_event_parameter, http::beat_parameter},
    .answers = {{200, "The stream; docs/protocol.md tells it frame by frame", nullptr, Shape::one,
                 "text/event-stream"},
                malformed,
                others},
    .events = {&notification_message, &mailbox_message, &http::reset_event, &http::live_event,
               &http::beat_event, &http::bye_event},
};

}  // namespace stepcast::shop::api
