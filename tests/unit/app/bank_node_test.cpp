// The bank's calls as clients make them.
#include <gmock/gmock.h>

#include <fmt/format.h>

#include "unit/app/node_fixture.hpp"

namespace stepcast::app {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class BankNodeTest : public NodeTest {
  protected:
    void serve_bank(std::function<awaitable<void>(client::HttpClient&)> body,
                    std::optional<http::AccessPolicy> access = {}) {
        serve(modules(small_config(), system_clock().now()), std::move(body), std::move(access));
    }
    /// Callers are who their token says; `admin` is one.
    static http::AccessPolicy by_name() {
        return http::AccessPolicy{[](std::string_view token) -> result<auth::Principal> {
            return auth::Principal{
                .subject = std::string{token}, .scopes = {.admin = token == "admin"}, .anonymous = false};
        }};
    }
    static client::Headers as(std::string_view name) {
        return {{"Authorization", fmt::format("Bearer {}", name)}};
    }
    /// Posts as whoever is named.
    static auto poster(client::HttpClient& http) {
        return [&http](std::string target, std::string body, std::string_view name) {
            return http.post(std::move(target), std::move(body), "application/json", as(name));
        };
    }
    static std::string header(const client::Answer& answer, std::string_view name) {
        return std::string{answer.header(name).value_or("")};
    }
};

TEST_F(BankNodeTest, a_write_says_where_it_stands_and_a_read_waits_for_it) {
    serve_bank([&](client::HttpClient& http) -> awaitable<void> {
        const auto made = co_await http.post("/api/accounts", R"({"accountId":"a","owner":"Kim"})");
        EXPECT_EQ(made->status, 201);
        EXPECT_EQ(header(*made, "stepcast-position"), "1");
        EXPECT_EQ(header(*made, "etag"), "\"v1\"");
        EXPECT_EQ(header(*made, "location"), "/api/accounts/a");
        const auto read = co_await http.get("/api/accounts/a?wait=1");
        EXPECT_THAT(read->body, StartsWith(R"({"accountId":"a","owner":"Kim","balance":0,"currency":"KRW")"));
        EXPECT_EQ((co_await http.get("/api/accounts/a", {{"If-None-Match", "\"v1\""}}))->status, 304);
        EXPECT_EQ((co_await http.get("/api/accounts/a?wait=x"))->status, 400);
        EXPECT_EQ((co_await http.get("/api/accounts/a?version=2"))->status, 404);
        EXPECT_EQ((co_await http.get("/api/accounts/b"))->status, 404);
    });
}

TEST_F(BankNodeTest, a_write_may_name_the_version_that_it_believes_in) {
    serve_bank([&](client::HttpClient& http) -> awaitable<void> {
        EXPECT_TRUE(co_await http.post("/api/accounts", R"({"accountId":"a","owner":"Kim"})"));
        const auto put = [&](std::string version) {
            return http.post("/api/accounts/a/deposits", R"({"amount":1})", "application/json",
                             {{"If-Match", std::move(version)}});
        };
        EXPECT_EQ((co_await put("\"v1\""))->status, 200);
        const auto late = co_await put("\"v1\"");
        EXPECT_EQ(late->status, 412);
        EXPECT_THAT(late->body, HasSubstr(R"("code":"wrong-expected-version")"));
        EXPECT_THAT(late->body, HasSubstr(R"("expected":1,"actual":2})"));
        EXPECT_EQ((co_await put("v1"))->status, 400);
    });
}

TEST_F(BankNodeTest, a_call_with_a_key_is_answered_again_and_not_carried_out) {
    serve_bank([&](client::HttpClient& http) -> awaitable<void> {
        const auto make = [&](std::string body) {
            return http.post("/api/accounts", std::move(body), "application/json",
                             {{"Idempotency-Key", "k"}});
        };
        const auto first = co_await make(R"({"owner":"Kim","initialBalance":5})");
        EXPECT_EQ(first->status, 201);
        EXPECT_EQ(header(*first, "idempotency-replayed"), "");
        const auto again = co_await make(R"({"owner":"Kim","initialBalance":5})");
        EXPECT_EQ(again->status, 201);
        EXPECT_EQ(again->body, first->body);
        EXPECT_EQ(header(*again, "location"), header(*first, "location"));
        EXPECT_EQ(header(*again, "idempotency-replayed"), "true");
        EXPECT_EQ((co_await make(R"({"owner":"Lee"})"))->status, 422);
    });
}

TEST_F(BankNodeTest, lists_go_on_behind_their_link) {
    serve_bank([&](client::HttpClient& http) -> awaitable<void> {
        for (const auto* id : {"a", "b", "c:1"})
            EXPECT_TRUE(co_await http.post(
                "/api/accounts",
                fmt::format(R"({{"accountId":"{}","owner":"Kim","initialBalance":7}})", id)));
        std::string target = "/api/accounts?sort=-balance&limit=1", ids;
        for (int pages = 0; !target.empty() && pages < 9; ++pages) {
            const auto page = co_await http.get(target);
            EXPECT_EQ(page->status, 200);
            if (const auto at = page->body.find("accountId\":\""); at != std::string::npos)
                ids += page->body[at + 12];
            const auto link = header(*page, "link");
            target = link.substr(std::min<std::size_t>(1, link.size()), link.find('>') - 1);
        }
        EXPECT_EQ(ids, "abc");
        for (int i = 0; i < 5; ++i)
            EXPECT_TRUE(co_await http.post("/api/accounts/a/deposits", R"({"amount":1})"));
        EXPECT_THAT(header(*co_await http.get("/api/accounts/a/events?limit=2"), "link"),
                    HasSubstr("/api/accounts/a/events?from=3&limit=2"));
        EXPECT_THAT(header(*co_await http.get("/api/accounts/a/transactions?limit=2"), "link"),
                    HasSubstr("/api/accounts/a/transactions?from=4&limit=2"));
        EXPECT_EQ((co_await http.get("/api/accounts?sort=owner"))->status, 400);
        EXPECT_EQ((co_await http.get("/api/accounts?after=x"))->status, 400);
    });
}

TEST_F(BankNodeTest, an_account_is_its_owners_and_an_admins) {
    serve_bank(
        [&](client::HttpClient& http) -> awaitable<void> {
            const auto post = poster(http);
            EXPECT_EQ(
                (co_await post("/api/accounts", R"({"accountId":"a","initialBalance":9})", "Kim"))->status,
                201);
            EXPECT_EQ((co_await post("/api/accounts", R"({"accountId":"b","owner":"Kim"})", "Lee"))->status,
                      403);
            EXPECT_EQ((co_await post("/api/accounts", R"({"accountId":"b","owner":"Lee"})", "admin"))->status,
                      201);
            EXPECT_EQ((co_await post("/api/accounts/a/deposits", R"({"amount":1})", "Lee"))->status, 200);
            EXPECT_EQ((co_await post("/api/accounts/a/withdrawals", R"({"amount":1})", "Lee"))->status, 403);
            EXPECT_EQ((co_await post("/api/accounts/a/close", "", "Lee"))->status, 403);
            EXPECT_EQ((co_await post("/api/accounts/a/withdrawals", R"({"amount":1})", "Kim"))->status, 200);
            EXPECT_EQ((co_await post("/api/accounts/a/withdrawals", R"({"amount":1})", "admin"))->status,
                      200);
            for (const auto* what :
                 {"", "?version=1", "?at=2000-01-01T00:00:00Z", "/events", "/transactions"}) {
                const auto target = fmt::format("/api/accounts/a{}", what);
                EXPECT_EQ((co_await http.get(target, as("Lee")))->status, 403) << what;
                EXPECT_NE((co_await http.get(target, as("Kim")))->status, 403) << what;
                EXPECT_NE((co_await http.get(target, as("admin")))->status, 403) << what;
            }
            EXPECT_THAT((co_await http.get("/api/accounts", as("Lee")))->body,
                        HasSubstr("\"accountId\":\"b\""));
            EXPECT_EQ((co_await http.get("/api/accounts", as("Lee")))->body.find("\"accountId\":\"a\""),
                      std::string::npos);
            EXPECT_EQ((co_await http.get("/api/accounts", as("none")))->body, "[]");
        },
        by_name());
}

TEST_F(BankNodeTest, admins_rebuild_the_accounts_as_a_task_of_theirs) {
    serve_bank(
        [&](client::HttpClient& http) -> awaitable<void> {
            const auto post = poster(http);
            EXPECT_EQ(
                (co_await post("/api/accounts", R"({"accountId":"a","initialBalance":9})", "Kim"))->status,
                201);
            const std::string target = "/api/projections/bank/rebuild";
            EXPECT_EQ((co_await post(target, "", "Kim"))->status, 403);
            const auto begun = co_await post(target, "", "admin");
            EXPECT_EQ(begun->status, 202);
            std::string task;
            for (int i = 0; i < 500 && task.find("COMPLETED") == std::string::npos; ++i) {
                task = (co_await http.get(header(*begun, "location"), as("admin")))->body;
                co_await aio::pause(5ms);
            }
            EXPECT_THAT(task, HasSubstr("\"percentage\":100"));
            EXPECT_THAT((co_await http.get("/api/accounts/a", as("Kim")))->body, HasSubstr("\"balance\":9,"));
            EXPECT_THAT(
                (co_await http.get("/metrics", as("admin")))->body,
                HasSubstr("stepcast_projection_rebuilds_total{projection=\"bank\",result=\"done\"} 1"));
        },
        by_name());
}

TEST_F(BankNodeTest, a_transfer_is_a_task_that_everybody_can_watch) {
    serve_bank([&](client::HttpClient& http) -> awaitable<void> {
        for (const auto* id : {"a", "b"})
            EXPECT_TRUE(co_await http.post(
                "/api/accounts",
                fmt::format(R"({{"accountId":"{}","owner":"Kim","initialBalance":50}})", id)));
        const auto begun = co_await http.post("/api/transfers", R"({"from":"a","to":"b","amount":20})",
                                              "application/json", {{"Idempotency-Key", "k"}});
        EXPECT_EQ(begun->status, 202);
        const auto location = header(*begun, "location");
        const auto id = location.substr(location.rfind('/') + 1);
        std::string task;
        for (int i = 0; i < 500 && task.find("COMPLETED") == std::string::npos; ++i) {
            task = (co_await http.get("/api/v2/progress/status/" + id))->body;
            co_await aio::pause(5ms);
        }
        EXPECT_THAT(task, HasSubstr("\"status\":\"COMPLETED\""));
        EXPECT_THAT(task, HasSubstr("\"userId\":\"Kim\""));
        EXPECT_THAT((co_await http.get(location))->body, HasSubstr("\"status\":\"COMPLETED\""));
        EXPECT_THAT((co_await http.get("/api/accounts/b"))->body, HasSubstr("\"balance\":70"));
        const auto again = co_await http.post("/api/transfers", R"({"from":"a","to":"b","amount":20})",
                                              "application/json", {{"Idempotency-Key", "k"}});
        EXPECT_EQ(again->body, begun->body);
        EXPECT_EQ(header(*again, "idempotency-replayed"), "true");
        EXPECT_EQ((co_await http.post("/api/transfers", R"({"from":"a","to":"a","amount":20})"))->status,
                  400);
        EXPECT_EQ((co_await http.post("/api/transfers", R"({"from":"a","to":"x","amount":20})"))->status,
                  404);
        const auto saga = (co_await http.get("/api/sagas/" + id))->body;
        EXPECT_THAT(saga, HasSubstr(R"("saga":"transfer","status":"COMPLETED","step":"give","owner":"Kim")"));
        EXPECT_THAT(saga, HasSubstr(R"([{"step":"take","status":"DONE"},{"step":"give","status":"DONE"}])"));
        EXPECT_EQ((co_await http.get("/api/sagas/" + id + "?saga=order"))->status, 404);
        EXPECT_THAT((co_await http.get("/api/sagas/none"))->body, HasSubstr("unknown-saga"));
        EXPECT_EQ((co_await http.post("/api/sagas/" + id + "/resume", ""))->status, 409);
        EXPECT_EQ((co_await http.post("/api/sagas/none/resume?step=take", ""))->status, 404);
        EXPECT_EQ((co_await http.get("/api/transfers/none"))->status, 404);
    });
}

TEST_F(BankNodeTest, a_transfer_is_asked_for_and_seen_by_the_owner_of_what_it_takes) {
    serve_bank(
        [&](client::HttpClient& http) -> awaitable<void> {
            for (const auto* name : {"Kim", "Lee"})
                EXPECT_TRUE(co_await http.post(
                    "/api/accounts", fmt::format(R"({{"accountId":"{}","initialBalance":50}})", name),
                    "application/json", as(name)));
            const std::string body = R"({"transferId":"T","from":"Kim","to":"Lee","amount":20})";
            EXPECT_EQ((co_await http.post("/api/transfers", body, "application/json", as("Lee")))->status,
                      403);
            EXPECT_EQ((co_await http.post("/api/transfers", body, "application/json", as("Kim")))->status,
                      202);
            EXPECT_EQ((co_await http.get("/api/transfers/T", as("Lee")))->status, 403);
            EXPECT_EQ((co_await http.get("/api/transfers/T", as("Kim")))->status, 200);
            EXPECT_EQ((co_await http.get("/api/sagas/T", as("admin")))->status, 200);
            EXPECT_EQ((co_await http.post("/api/sagas/T/resume", "", "application/json", as("Kim")))->status,
                      403);
        },
        by_name());
}

TEST_F(BankNodeTest, metrics_and_readiness_know_it) {
    serve_bank([&](client::HttpClient& http) -> awaitable<void> {
        EXPECT_TRUE(co_await http.post("/api/accounts", R"({"accountId":"a","owner":"Kim"})"));
        std::string metrics;
        // What was sent is pending until that is noted.
        const auto all_sent = [&metrics] {
            return metrics.npos != metrics.find("result=\"sent\"} 1\n") &&
                   metrics.npos != metrics.find("stepcast_outbox_pending 0\n");
        };
        for (int i = 0; i < 500 && !all_sent(); ++i) {
            metrics = (co_await http.get("/metrics"))->body;
            co_await aio::pause(5ms);
        }
        EXPECT_THAT(metrics, HasSubstr("stepcast_accounts 1\n"));
        EXPECT_THAT(
            metrics,
            HasSubstr("stepcast_outbox_messages_total{topic=\"event-stream-accounts\",result=\"sent\"} 1\n"));
        EXPECT_THAT(metrics, HasSubstr("stepcast_outbox_pending 0\n"));
        EXPECT_THAT(metrics, HasSubstr("stepcast_outbox_oldest_seconds 0\n"));
        EXPECT_THAT((co_await http.get("/api/v2/progress/monitor"))->body, HasSubstr("\"accounts\":1"));
    });
}

}  // namespace
}  // namespace stepcast::app
