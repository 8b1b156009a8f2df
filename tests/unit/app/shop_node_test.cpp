// Orders as customers see them, over the embedded bus.
#include <gmock/gmock.h>

#include <fmt/format.h>
#include <boost/json.hpp>
#include <set>

#include "event/json.hpp"
#include "unit/app/node_fixture.hpp"

namespace stepcast::app {
namespace {

using ::testing::HasSubstr;

class ShopTest : public NodeTest {
  protected:
    void serve_shop(std::function<awaitable<void>(client::HttpClient&)> body,
                    std::optional<http::AccessPolicy> access = {}) {
        auto config = small_config();
        config.shop.enabled = true;
        config.shop.payment_timeout = payment_timeout;
        config.shop.ship_after = ship_after;
        config.shop.saga = saga;
        serve(modules(config, system_clock().now()), std::move(body), std::move(access));
    }
    /// A member of what is answered, as text.
    static awaitable<std::string> read(client::HttpClient& http, std::string target, std::string member) {
        const auto answer = co_await http.get(std::move(target));
        const auto json = event::parse_json(answer ? answer->body : "{}");
        const auto* value = json ? json->as_object().if_contains(member) : nullptr;
        if (value == nullptr) co_return "";
        co_return value->is_string() ? std::string{value->as_string()} : boost::json::serialize(*value);
    }
    static awaitable<std::string> until(client::HttpClient& http, std::string target, std::string member,
                                        std::string wanted) {
        std::string now;
        for (int i = 0; i < 2'000 && now != wanted; ++i) {
            if (i != 0) co_await aio::pause(2ms);
            now = co_await read(http, target, member);
        }
        co_return now;
    }
    static awaitable<std::string> order(client::HttpClient& http, std::string method, int quantity = 2) {
        const auto body = fmt::format(
            R"({{"userId":"kim","orderItems":[{{"productId":1,"quantity":{}}}],"paymentMethod":"{}"}})",
            quantity, method);
        const auto answer = co_await http.post("/api/orders", body);
        EXPECT_EQ(answer->status, 202) << answer->body;
        co_return std::string{event::parse_json(answer->body)->as_object().at("orderId").as_string()};
    }
    static awaitable<std::string> ends(client::HttpClient& http, std::string id, std::string wanted) {
        return until(http, "/api/orders/" + id, "status", std::move(wanted));
    }
    /// What became of its payment.
    static awaitable<std::string> paid(client::HttpClient& http, std::string id, std::string wanted) {
        std::string body;
        for (int i = 0; i < 2'000; ++i) {
            body = (co_await http.get(fmt::format("/api/streams/payment-{}/state", id)))->body;
            if (body.find(fmt::format("\"status\":\"{}\"", wanted)) != body.npos) co_return wanted;
            co_await aio::pause(2ms);
        }
        co_return body;
    }
    static awaitable<std::string> reserved(client::HttpClient& http, std::string wanted) {
        return until(http, "/api/products/1", "reserved", std::move(wanted));
    }

    std::string saga = "choreography";
    Duration ship_after = 1h;
    Duration payment_timeout = 3s;
};

TEST_F(ShopTest, an_order_is_reserved_paid_and_confirmed_and_its_customer_watches_it) {
    serve_shop([&](client::HttpClient& http) -> awaitable<void> {
        EXPECT_EQ(co_await until(http, "/api/products/1", "name", "노트북"), "노트북");
        const auto id = co_await order(http, "CREDIT_CARD");
        EXPECT_EQ(co_await ends(http, id, "CONFIRMED"), "CONFIRMED");
        EXPECT_EQ(co_await read(http, "/api/orders/" + id, "totalAmount"), "2400000");
        EXPECT_EQ(co_await read(http, "/api/products/1", "reserved"), "2");
        EXPECT_EQ(co_await paid(http, id, "COMPLETED"), "COMPLETED");
        EXPECT_EQ(co_await until(http, "/api/v2/progress/status/" + id, "status", "COMPLETED"), "COMPLETED");
        const auto history = (co_await http.get("/api/v2/progress/history/" + id))->body;
        for (const auto* step : {"주문 접수", "재고 예약", "결제 완료", "주문 확정"})
            EXPECT_THAT(history, HasSubstr(step));
        std::string told;
        for (int i = 0; i < 2'000 && told.find("PAYMENT_COMPLETED") == told.npos; ++i)
            told = (co_await http.get("/api/notifications?userId=kim"))->body;
        EXPECT_THAT(told, HasSubstr("주문이 접수되었습니다"));
        EXPECT_THAT(told, HasSubstr("결제가 완료되었습니다"));
        EXPECT_THAT((co_await http.get("/api/notifications?userId=lee"))->body, "[]");
        EXPECT_THAT((co_await http.get("/metrics"))->body,
                    HasSubstr("stepcast_shop_order_events_total{type=\"ORDER_CONFIRMED\"} 1"));
    });
}

TEST_F(ShopTest, whatever_fails_the_order_is_cancelled_and_all_of_it_undone) {
    payment_timeout = 1500ms;
    serve_shop([&](client::HttpClient& http) -> awaitable<void> {
        EXPECT_EQ(co_await until(http, "/api/products/1", "stock", "100"), "100");
        const auto too_many = co_await order(http, "CREDIT_CARD", 999);
        const auto declined = co_await order(http, "TEST_DECLINE");
        const auto silent = co_await order(http, "TEST_TIMEOUT");
        const auto lost = co_await order(http, "TEST_LOST_REPLY", 1);
        EXPECT_EQ(co_await ends(http, too_many, "CANCELLED"), "CANCELLED");
        EXPECT_THAT(co_await read(http, "/api/orders/" + too_many, "reason"), HasSubstr("재고 부족"));
        EXPECT_EQ(co_await ends(http, declined, "CANCELLED"), "CANCELLED");
        EXPECT_EQ(co_await read(http, "/api/orders/" + declined, "reason"), "결제 거절");
        EXPECT_EQ(co_await ends(http, silent, "CANCELLED"), "CANCELLED");
        EXPECT_EQ(co_await read(http, "/api/orders/" + silent, "reason"), "결제 응답 없음");
        EXPECT_EQ(co_await ends(http, lost, "CONFIRMED"), "CONFIRMED");
        EXPECT_EQ(co_await reserved(http, "1"), "1");
        EXPECT_EQ(co_await read(http, "/api/products/1", "stock"), "100");
        EXPECT_EQ(co_await until(http, "/api/v2/progress/status/" + declined, "status", "FAILED"), "FAILED");
        // Nothing was asked of the provider for what was never reserved.
        EXPECT_EQ(co_await paid(http, too_many, "BARRED"), "BARRED");
    });
}

TEST_F(ShopTest, a_cancel_gives_back_the_stock_and_the_money_whenever_it_comes) {
    serve_shop([&](client::HttpClient& http) -> awaitable<void> {
        const auto cancel = [&](std::string id) {
            return http.post(fmt::format("/api/orders/{}/cancel", id), "");
        };
        EXPECT_EQ(co_await until(http, "/api/products/1", "stock", "100"), "100");
        const auto at_once = co_await order(http, "CREDIT_CARD");
        EXPECT_EQ((co_await cancel(at_once))->status, 202);
        const auto during = co_await order(http, "TEST_SLOW");
        while (co_await read(http, "/api/orders/" + during, "status") == "PENDING") co_await aio::pause(2ms);
        EXPECT_EQ((co_await cancel(during))->status, 202);
        const auto later = co_await order(http, "CREDIT_CARD");
        EXPECT_EQ(co_await ends(http, later, "CONFIRMED"), "CONFIRMED");
        EXPECT_EQ((co_await cancel(later))->status, 202);
        EXPECT_EQ((co_await cancel(later))->status, 202);  // again changes nothing
        for (const auto& id : {at_once, during, later}) {
            EXPECT_EQ(co_await ends(http, id, "CANCELLED"), "CANCELLED");
            EXPECT_EQ(co_await read(http, "/api/orders/" + id, "reason"), "고객 취소");
        }
        EXPECT_EQ(co_await paid(http, during, "REFUNDED"), "REFUNDED");
        EXPECT_EQ(co_await paid(http, later, "REFUNDED"), "REFUNDED");
        EXPECT_EQ(co_await reserved(http, "0"), "0");
        EXPECT_EQ(co_await read(http, "/api/products/1", "stock"), "100");
        EXPECT_EQ((co_await cancel("nobody"))->status, 404);
    });
}

TEST_F(ShopTest, what_is_confirmed_is_shipped_and_then_it_is_too_late_to_cancel) {
    ship_after = 0ms;
    serve_shop([&](client::HttpClient& http) -> awaitable<void> {
        EXPECT_EQ(co_await until(http, "/api/products/1", "stock", "100"), "100");
        const auto id = co_await order(http, "CREDIT_CARD");
        EXPECT_EQ(co_await ends(http, id, "SHIPPED"), "SHIPPED");
        EXPECT_EQ(co_await until(http, "/api/products/1", "stock", "98"), "98");
        EXPECT_EQ(co_await read(http, "/api/products/1", "reserved"), "0");
        const auto refused = co_await http.post(fmt::format("/api/orders/{}/cancel", id), "");
        EXPECT_EQ(refused->status, 409);
        EXPECT_THAT(refused->body, HasSubstr("already-shipped"));
    });
}

TEST_F(ShopTest, an_orchestrated_order_is_paid_reserved_and_shipped_and_its_saga_can_be_seen) {
    saga = "orchestration";
    serve_shop([&](client::HttpClient& http) -> awaitable<void> {
        EXPECT_EQ(co_await until(http, "/api/products/1", "stock", "100"), "100");
        const auto id = co_await order(http, "CREDIT_CARD");
        EXPECT_EQ(co_await ends(http, id, "CONFIRMED"), "CONFIRMED");
        EXPECT_EQ(co_await read(http, "/api/orders/" + id, "saga"), "orchestration");
        EXPECT_EQ(co_await until(http, "/api/v2/progress/status/" + id, "status", "COMPLETED"), "COMPLETED");
        const auto history = (co_await http.get("/api/v2/progress/history/" + id))->body;
        EXPECT_LT(history.find("결제 완료"), history.find("재고 예약"));
        EXPECT_LT(history.find("재고 예약"), history.find("주문 확정"));
        EXPECT_THAT((co_await http.get("/api/sagas/" + id))->body,
                    HasSubstr(R"({"step":"stock","status":"DONE"},{"step":"shipment","status":"RUNNING"})"));
        EXPECT_EQ((co_await http.post(fmt::format("/api/orders/{}/cancel", id), ""))->status, 202);
        EXPECT_EQ(co_await until(http, "/api/sagas/" + id, "status", "COMPENSATED"), "COMPENSATED");
        EXPECT_EQ(co_await paid(http, id, "REFUNDED"), "REFUNDED");
        EXPECT_EQ(co_await reserved(http, "0"), "0");
        const auto declined = co_await order(http, "TEST_DECLINE");
        EXPECT_EQ(co_await ends(http, declined, "CANCELLED"), "CANCELLED");
        EXPECT_EQ(co_await read(http, "/api/orders/" + declined, "reason"), "결제 거절");
        EXPECT_EQ(co_await until(http, "/api/sagas/" + declined, "status", "COMPENSATED"), "COMPENSATED");
        EXPECT_THAT((co_await http.get(fmt::format("/api/streams/fulfilment-{}/state", declined)))->body,
                    HasSubstr("\"status\":\"COMPENSATED\""));
        EXPECT_THAT(
            (co_await http.get("/metrics"))->body,
            HasSubstr("stepcast_compensations_total{saga=\"order\",step=\"payment\",result=\"undone\"} 1"));
    });
}

TEST_F(ShopTest, sagas_that_have_not_ended_are_listed_page_by_page) {
    saga = "orchestration";
    serve_shop([&](client::HttpClient& http) -> awaitable<void> {
        EXPECT_EQ(co_await until(http, "/api/products/1", "stock", "100"), "100");
        std::set<std::string> placed, listed;
        for (int i = 0; i < 3; ++i) placed.insert(co_await order(http, "CREDIT_CARD"));
        for (const auto& id : placed) EXPECT_EQ(co_await ends(http, id, "CONFIRMED"), "CONFIRMED");
        std::string target = "/api/sagas?limit=2";
        for (int pages = 0; !target.empty() && pages < 3; ++pages) {
            const auto page = co_await http.get(target);
            const auto json = event::parse_json(page->body)->as_object();
            EXPECT_EQ(boost::json::serialize(json.at("counts")),
                      R"({"STUCK":0,"COMPENSATING":0,"RUNNING":3})");
            for (const auto& one : json.at("sagas").as_array()) {
                EXPECT_EQ(one.at("step").as_string(), "shipment");
                EXPECT_EQ(one.at("saga").as_string(), "order");
                listed.insert(std::string{one.at("sagaId").as_string()});
            }
            const auto link = page->header("link").value_or("");
            target = link.substr(std::min<std::size_t>(1, link.size()), link.find('>') - 1);
        }
        EXPECT_EQ(target, "");
        EXPECT_EQ(listed, placed);
        EXPECT_EQ(co_await read(http, "/api/sagas?status=STUCK", "sagas"), "[]");
        EXPECT_EQ(co_await read(http, "/api/sagas?saga=transfer", "sagas"), "[]");
        EXPECT_EQ((co_await http.post(fmt::format("/api/orders/{}/cancel", *placed.begin()), ""))->status,
                  202);
        EXPECT_EQ(co_await until(http, "/api/sagas", "counts", R"({"STUCK":0,"COMPENSATING":0,"RUNNING":2})"),
                  R"({"STUCK":0,"COMPENSATING":0,"RUNNING":2})");
        for (const auto* bad : {"status=COMPLETED", "limit=0", "after=x", "after=RUNNING%20order"})
            EXPECT_EQ((co_await http.get(fmt::format("/api/sagas?{}", bad)))->status, 400) << bad;
        EXPECT_THAT((co_await http.get("/api/circuits"))->body,
                    HasSubstr(R"({"step":"charge","state":"closed","failures":0,"underWay":0,"opened":0)"));
    });
}

TEST_F(ShopTest, a_bad_order_is_refused_by_name_and_the_same_key_is_the_same_order) {
    serve_shop([&](client::HttpClient& http) -> awaitable<void> {
        EXPECT_EQ(co_await until(http, "/api/products/1", "stock", "100"), "100");
        const auto refused = [&](std::string body) -> awaitable<std::string> {
            const auto answer = co_await http.post("/api/orders", std::move(body));
            co_return fmt::format("{} {}", answer->status, answer->body);
        };
        EXPECT_THAT(co_await refused("{}"), HasSubstr("orderItems"));
        EXPECT_THAT(co_await refused(R"({"orderItems":[]})"), HasSubstr("orderItems"));
        EXPECT_THAT(co_await refused(R"({"orderItems":[{"productId":1,"quantity":0}]})"),
                    HasSubstr("quantity"));
        EXPECT_THAT(co_await refused(R"({"orderItems":[{"productId":7,"quantity":1}]})"),
                    HasSubstr("unknown-product"));
        EXPECT_THAT(co_await refused(R"({"orderItems":[{"productId":1,"quantity":9007199254740991}]})"),
                    HasSubstr("come to too much"));
        const auto keyed = [&](int quantity) {
            return http.post("/api/orders",
                             fmt::format(R"({{"orderItems":[{{"productId":1,"quantity":{}}}]}})", quantity),
                             "application/json", {{"Idempotency-Key", "k"}});
        };
        const auto first = co_await keyed(1), second = co_await keyed(1);
        EXPECT_EQ(first->body, second->body);
        EXPECT_EQ(second->header("idempotency-replayed"), "true");
        EXPECT_EQ((co_await keyed(2))->status, 422);
    });
}

TEST_F(ShopTest, with_tokens_an_order_is_its_customers) {
    const auto as = [](std::string_view name) {
        return client::Headers{{"Authorization", fmt::format("Bearer {}", name)}};
    };
    serve_shop(
        [&](client::HttpClient& http) -> awaitable<void> {
            EXPECT_EQ(co_await until(http, "/api/products/1", "stock", "100"), "100");
            const std::string body = R"({"orderItems":[{"productId":1,"quantity":1}]})";
            EXPECT_EQ((co_await http.post("/api/orders", body))->status, 401);
            const auto placed = co_await http.post("/api/orders", body, "application/json", as("kim"));
            EXPECT_EQ(placed->status, 202);
            const std::string target{placed->header("location").value_or("")};
            EXPECT_THAT((co_await http.get(target, as("kim")))->body, HasSubstr("\"customerId\":\"kim\""));
            EXPECT_EQ((co_await http.get(target, as("lee")))->status, 403);
            EXPECT_EQ((co_await http.get(target, as("admin")))->status, 200);
            EXPECT_EQ((co_await http.post(target + "/cancel", "", "", as("lee")))->status, 403);
            for (const auto* what :
                 {"/api/notifications?userId=kim", "/api/notifications/subscribe?userId=kim",
                  "/api/orders?userId=kim", "/api/cart?userId=kim", "/api/cart?userId=kim&version=9"})
                EXPECT_EQ((co_await http.get(what, as("lee")))->status, 403) << what;
            for (const auto* past : {"/events", "?version=9", "?at=2000-01-01T00:00:00Z"})
                EXPECT_EQ((co_await http.get(target + past, as("lee")))->status, 403) << past;
            EXPECT_EQ((co_await http.get("/api/orders", as("lee")))->body, "[]");
            EXPECT_THAT((co_await http.get("/api/orders", as("admin")))->body,
                        HasSubstr("\"customerId\":\"kim\""));
            const auto post = [&](std::string where, std::string sent) {
                return http.post(std::move(where), std::move(sent), "application/json", as("lee"));
            };
            EXPECT_EQ((co_await post("/api/notifications/read", R"({"userId":"kim","upTo":0})"))->status,
                      403);
            EXPECT_EQ((co_await post("/api/cart/checkout", R"({"userId":"kim"})"))->status, 403);
            EXPECT_EQ((co_await post("/api/cart/checkout", ""))->status, 409);  // their own, which is empty
            EXPECT_EQ((co_await http.post("/api/orders",
                                          R"({"userId":"kim","orderItems":[{"productId":1,"quantity":1}]})",
                                          "application/json", as("lee")))
                          ->status,
                      403);
            EXPECT_EQ((co_await http.post(target + "/cancel", "", "", as("kim")))->status, 202);
        },
        http::AccessPolicy{[](std::string_view token) -> result<auth::Principal> {
            return auth::Principal{
                .subject = std::string{token}, .scopes = {.admin = token == "admin"}, .anonymous = false};
        }});
}

TEST_F(NodeTest, a_closed_shop_is_not_there) {
    serve(modules(small_config(), system_clock().now()), [&](client::HttpClient& http) -> awaitable<void> {
        EXPECT_EQ((co_await http.get("/api/products"))->status, 404);
    });
}

}  // namespace
}  // namespace stepcast::app
