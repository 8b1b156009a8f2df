#include "domain/shop/order_codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "base/hash.hpp"

namespace stepcast::shop {
namespace {

using ::testing::HasSubstr;
using Type = OrderEventType;

const Timestamp noon = *parse_rfc3339("2026-01-01T12:00:00Z");

struct Line {
    Type type;
    std::uint8_t schema;
    const char* json;
};
// What was ever written stays readable: these lines are never changed. The first three are those of the
// guide: its interface of schema 1, its first producer, its interface of schema 2.
const std::array<Line, 4> created{{
    {Type::created, 1,
     R"({"type":"ORDER_CREATED","payload":{"orderId":"O","customerId":"kim","amount":39000},"metadata":{"eventId":"e1","timestamp":"2024-01-01T10:00:00.000Z","version":1}})"},
    {Type::created, 1,
     R"({"type":"ORDER_CREATED","payload":{"orderId":"O","customerId":"kim","items":[{"productId":1,"quantity":2}],"totalAmount":39000},"metadata":{"eventId":"e1","timestamp":"2024-01-01T10:00:00.000Z","version":1,"correlationId":"c"}})"},
    {Type::created, 2,
     R"({"type":"ORDER_CREATED","payload":{"orderId":"O","customerId":"kim","subtotal":33000,"tax":3000,"shippingFee":3000,"totalAmount":39000},"metadata":{"eventId":"e1","timestamp":"2024-01-01T10:00:00.000Z","version":2}})"},
    {Type::created, 2,
     R"({"type":"ORDER_CREATED","payload":{"orderId":"O","customerId":"kim","items":[{"productId":1,"quantity":2,"price":18000}],"subtotal":36000,"tax":0,"shippingFee":3000,"totalAmount":39000,"shippingAddress":"서울시 강남구","paymentMethod":"CREDIT_CARD"},"metadata":{"eventId":"e1","timestamp":"2026-01-01T10:00:00.000Z","version":2,"correlationId":"c"}})"},
}};
const std::array<Line, 5> later{{
    {Type::stock_reserved, 1,
     R"({"type":"ORDER_STOCK_RESERVED","payload":{"orderId":"O"},"metadata":{"eventId":"e2","timestamp":"2026-01-01T10:00:01.000Z","version":1}})"},
    {Type::paid, 1,
     R"({"type":"ORDER_PAID","payload":{"orderId":"O"},"metadata":{"eventId":"e2","timestamp":"2026-01-01T10:00:02.000Z","version":1}})"},
    {Type::confirmed, 1,
     R"({"type":"ORDER_CONFIRMED","payload":{"orderId":"O"},"metadata":{"eventId":"e2","timestamp":"2026-01-01T10:00:02.000Z","version":1}})"},
    {Type::shipped, 1,
     R"({"type":"ORDER_SHIPPED","payload":{"orderId":"O"},"metadata":{"eventId":"e2","timestamp":"2026-01-01T10:00:03.000Z","version":1}})"},
    {Type::cancelled, 1,
     R"({"type":"ORDER_CANCELLED","payload":{"orderId":"O","reason":"payment failed"},"metadata":{"eventId":"e2","timestamp":"2026-01-01T10:00:04.000Z","version":1}})"},
}};

event::EventRef stored(const Line& line, std::string_view id = "e1") {
    return event::Event::seal(event::Event::make({.category = &order_category,
                                                  .type = static_cast<std::uint8_t>(line.type),
                                                  .schema_version = line.schema,
                                                  .stream_id = "O",
                                                  .id = id,
                                                  .subject = "kim",
                                                  .json = line.json}),
                              1, 1, noon, "epoch");
}

TEST(OrderCodec, stored_orders_of_both_schemas_give_the_state_that_they_always_gave) {
    std::string states;
    for (const auto& line : created) {
        const auto event = stored(line);
        EXPECT_TRUE(check_stored_order(*event)) << line.json;
        const auto read = decode_order(*event);
        ASSERT_TRUE(read) << line.json << read.error().text();
        Order order;
        evolve(order, *read);
        EXPECT_EQ(order.amounts.total, 39'000);
        states.append(encode_order("O", order, 1)).append("\n");
        for (const auto& next : later) {
            const auto moved = stored(next, "e2");
            EXPECT_TRUE(check_stored_order(*moved)) << next.json;
            evolve(order, decode_order(*moved).value());
            states.append(encode_order("O", order, 2)).append("\n");
        }
    }
    // Orders have no snapshots: this number changes only with what an order answers.
    EXPECT_EQ(fmt::format("{:016x}", stable_hash(states)), "ced688f496adc7c0") << states;
}

TEST(OrderCodec, the_one_amount_of_schema_1_is_taken_apart) {
    for (std::size_t i = 0; i < 2; ++i) {
        const auto order = decode_order(*stored(created[i]));
        ASSERT_TRUE(order) << order.error().text();
        EXPECT_EQ(order->amounts,
                  (OrderAmounts{.subtotal = 39'000, .tax = 0, .shipping_fee = 0, .total = 39'000}));
        EXPECT_EQ(order->items.size(), i);
    }
    std::string scratch;
    EXPECT_EQ(
        order_upcasters().body(*stored(created[0]), scratch).value(),
        R"("type":"ORDER_CREATED","payload":{"orderId":"O","customerId":"kim","subtotal":39000,"tax":0,)"
        R"("shippingFee":0,"totalAmount":39000},"metadata":{"eventId":"e1",)"
        R"("timestamp":"2024-01-01T10:00:00.000Z","version":2}})");
}

TEST(OrderCodec, an_event_of_today_comes_back_as_it_was) {
    const OrderEvent event{.type = Type::created,
                           .at = noon,
                           .customer = "kim",
                           .items = {{.product_id = 1, .quantity = 2, .price = 18'000}},
                           .amounts = {.subtotal = 36'000, .tax = 0, .shipping_fee = 3'000, .total = 39'000},
                           .address = "서울시 강남구",
                           .payment_method = "CREDIT_CARD"};
    const auto draft = make_draft(event, "O", "e1", "kim", "c");
    EXPECT_EQ(draft->schema_version(), 2);
    EXPECT_TRUE(check_stored_order(*draft));
    Order before, after;
    evolve(before, event);
    evolve(after, decode_order(*draft).value());
    EXPECT_EQ(after, before);
}

TEST(OrderCodec, a_record_of_either_schema_says_what_happened_to_which_order) {
    const auto noted = [](const auto& lines) {
        for (const auto& line : lines) {
            const auto note = read_note(line.json).value();
            EXPECT_TRUE(note && note->type == line.type && note->id == "O") << line.json;
        }
    };
    noted(created);
    noted(later);
    EXPECT_EQ(read_note(R"({"type":"ORDER_SHIPPED","payload":{}})").error().field, "payload.orderId");
    EXPECT_EQ(read_note(R"({"payload":{}})").error().field, "type");
    EXPECT_FALSE(read_note(R"({"type":"ORDER_PRAISED","payload":{"orderId":"O"}})").value());
    EXPECT_FALSE(read_note("[]"));
}

TEST(OrderCodec, what_is_no_event_of_an_order_is_refused_by_name) {
    const auto refused = [](std::uint8_t schema, std::string json, std::string_view from,
                            std::string_view to) {
        json.replace(json.find(from), from.size(), to);
        const auto checked = check_stored_order(*stored({Type::created, schema, json.c_str()}));
        return checked ? std::string{"taken"} : checked.error().field;
    };
    EXPECT_EQ(refused(1, created[0].json, "\"amount\":39000", "\"sum\":39000"), "payload.subtotal");
    EXPECT_EQ(refused(1, created[0].json, "39000", "-1"), "payload.subtotal");
    EXPECT_EQ(refused(1, created[0].json, "kim", "lee"), "payload.customerId");
    EXPECT_EQ(refused(1, created[0].json, "ORDER_CREATED", "ORDER_PAID"), "type");
    EXPECT_EQ(refused(2, created[2].json, "\"O\"", "\"P\""), "payload.orderId");
    EXPECT_EQ(refused(2, created[2].json, "2024", "year"), "metadata.timestamp");
    EXPECT_EQ(refused(2, created[2].json, "\"e1\"", "\"e9\""), "metadata.eventId");
    EXPECT_EQ(refused(2, created[3].json, "\"quantity\":2", "\"quantity\":0"), "payload.items");
    EXPECT_EQ(decode_order(*stored({Type::created, 3, created[2].json})).error().code,
              event::schema_errc::unknown_schema);
}

}  // namespace
}  // namespace stepcast::shop
