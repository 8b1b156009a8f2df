// Operators look at any stream.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "app/server/json_changes.hpp"
#include "counter/module.hpp"
#include "event/json.hpp"
#include "unit/app/node_fixture.hpp"

namespace stepcast::app {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string changes(std::string_view before, std::string_view after) {
    return json_changes(*event::parse_json(before), *event::parse_json(after));
}

TEST(JsonChanges, name_what_differs_by_its_place) {
    EXPECT_EQ(changes(R"({"a":1})", R"({"a":1})"), "[]");
    EXPECT_EQ(changes(R"({"a":1,"b":{"c":[1,2]},"gone":true})", R"({"a":2,"b":{"c":[1,3,4]},"new":null})"),
              R"([{"path":"/a","before":1,"after":2},{"path":"/b/c/1","before":2,"after":3},)"
              R"({"path":"/b/c/2","after":4},{"path":"/new","after":null},{"path":"/gone","before":true}])");
    EXPECT_EQ(changes(R"({"a":{}})", R"({"a":[]})"), R"([{"path":"/a","before":{},"after":[]}])");
    EXPECT_EQ(changes(R"({"a/b~c":1.5})", R"({"a/b~c":42.5})"),
              R"([{"path":"/a~1b~0c","before":1.5,"after":42.5}])");
}

class StreamsTest : public NodeTest {
  protected:
    void serve_all(std::function<awaitable<void>(client::HttpClient&)> body,
                   std::optional<http::AccessPolicy> access = {}) {
        auto specs = modules(small_config(), system_clock().now());
        specs.push_back(counter::module_spec());
        serve(specs, std::move(body), std::move(access));
    }
};

TEST_F(StreamsTest, the_events_of_a_stream_come_as_they_are_stored_with_what_goes_with_them) {
    serve_all([&](client::HttpClient& http) -> awaitable<void> {
        const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        EXPECT_EQ((co_await http.post("/api/accounts", R"({"accountId":"a-1","owner":"Kim"})",
                                      "application/json", {{"traceparent", trace}}))
                      ->status,
                  201);
        for (int i = 0; i < 3; ++i)
            EXPECT_TRUE(co_await http.post("/api/accounts/a-1/deposits", R"({"amount":5})"));
        const auto all = co_await http.get("/api/streams/account-a-1?wait=4");
        EXPECT_EQ(all->status, 200);
        EXPECT_THAT(all->body, StartsWith(R"([{"version":1,"position":1,"eventId":")"));
        EXPECT_THAT(all->body, HasSubstr(R"("type":"ACCOUNT_CREATED","schemaVersion":1,"recordedAt":"20)"));
        EXPECT_THAT(all->body, HasSubstr(R"("subject":"Kim","metadata":{"correlationId":")"));
        EXPECT_THAT(all->body, HasSubstr(R"("traceparent":")" + trace.substr(0, trace.size() - 19)));
        EXPECT_THAT(all->body, Not(HasSubstr(trace)));  // a span of its own
        const auto list = event::parse_json(all->body);
        EXPECT_EQ(list->as_array().size(), 4u);
        EXPECT_EQ(list->at(1).at("data").at("data").at("amount").as_int64(), 5);
        const auto part = co_await http.get("/api/streams/account-a-1?from=2&limit=2");
        EXPECT_EQ(event::parse_json(part->body)->as_array().size(), 2u);
        EXPECT_EQ(part->header("link").value_or(""),
                  "</api/streams/account-a-1?from=4&limit=2>; rel=\"next\"");
        EXPECT_EQ((co_await http.get("/api/streams/account-a-1", {{"If-None-Match", "\"v4\""}}))->status,
                  304);
        EXPECT_EQ((co_await http.get("/api/streams/account-a-1?from=9"))->body, "[]");
    });
}

TEST_F(StreamsTest, a_state_comes_with_what_its_event_changed) {
    serve_all([&](client::HttpClient& http) -> awaitable<void> {
        for (const auto* id : {"a", "b"})
            EXPECT_TRUE(co_await http.post(
                "/api/accounts",
                fmt::format(R"({{"accountId":"{}","owner":"Kim","initialBalance":50}})", id)));
        EXPECT_TRUE(co_await http.post("/api/accounts/a/deposits", R"({"amount":5})"));
        const auto now = co_await http.get("/api/streams/account-a/state");
        EXPECT_THAT(now->body,
                    StartsWith(R"({"stream":"account-a","category":"account","version":2,"head":2,)"));
        EXPECT_THAT(now->body, HasSubstr(R"("event":{"version":2,)"));
        EXPECT_THAT(now->body, HasSubstr(R"({"path":"/balance","before":50,"after":55})"));
        const auto first = co_await http.get("/api/streams/account-a/state?version=1");
        EXPECT_THAT(first->body, HasSubstr(R"("changes":[{"path":"/accountId","after":"a"})"));
        EXPECT_EQ((co_await http.get("/api/streams/account-a/state?version=3"))->status, 404);
        EXPECT_EQ((co_await http.get("/api/streams/account-a/state?at=2001-01-01T00:00:00Z"))->status, 404);
        EXPECT_THAT((co_await http.get("/api/streams/account-a/state?at=2999-01-01T00:00:00Z"))->body,
                    HasSubstr("\"version\":2,\"head\":2"));
        EXPECT_EQ((co_await http.get("/api/streams/account-a/state?version=0"))->status, 400);

        EXPECT_TRUE(
            co_await http.post("/api/transfers", R"({"transferId":"t","from":"a","to":"b","amount":20})"));
        std::string transfer;
        for (int i = 0; i < 500 && transfer.find("COMPLETED") == std::string::npos; ++i) {
            transfer = (co_await http.get("/api/streams/transfer-t/state"))->body;
            co_await aio::pause(5ms);
        }
        EXPECT_THAT(transfer, HasSubstr(R"({"path":"/status","before":"DEBITED","after":"COMPLETED"})"));
        EXPECT_THAT((co_await http.get("/api/streams/account-a/state?version=3"))->body,
                    HasSubstr(R"({"path":"/pendingTransfers/0","after":"t"})"));

        EXPECT_TRUE(co_await http.post(
            "/api/v2/progress/events",
            R"([{"taskId":"T","userId":"u","eventType":"STARTED"},{"taskId":"T","userId":"u","eventType":"PROGRESS","percentage":40}])"));
        EXPECT_THAT((co_await http.get("/api/streams/progress-T/state"))->body,
                    HasSubstr(R"({"path":"/percentage","before":0,"after":40})"));
        // A module that says nothing of its states.
        EXPECT_TRUE(co_await http.post("/api/counters/c?event=1", ""));
        EXPECT_THAT((co_await http.get("/api/streams/counter-c/state"))->body,
                    HasSubstr(R"("state":null,"changes":null})"));
    });
}

TEST_F(StreamsTest, what_is_no_stream_is_unknown_and_strangers_are_kept_out) {
    serve_all([&](client::HttpClient& http) -> awaitable<void> {
        for (const auto* name : {"account-nobody", "account-", "account", "nothing-1", "accounts-1"})
            for (const auto* what : {"", "/state"}) {
                const auto answer = co_await http.get(fmt::format("/api/streams/{}{}", name, what));
                EXPECT_EQ(answer->status, 404) << name;
                EXPECT_THAT(answer->body, HasSubstr("unknown-stream"));
            }
        EXPECT_EQ((co_await http.get("/api/streams/account-a", {{"X-Forwarded-For", "192.0.2.1"}}))->status,
                  403);
    });
    io.restart();
    serve_all(
        [&](client::HttpClient& http) -> awaitable<void> {
            EXPECT_EQ((co_await http.get("/api/streams/account-a"))->status, 401);
            for (const auto& [name, status] : {std::pair{"Kim", 403}, std::pair{"admin", 404}})
                EXPECT_EQ((co_await http.get("/api/streams/account-a/state",
                                             {{"Authorization", fmt::format("Bearer {}", name)}}))
                              ->status,
                          status);
        },
        http::AccessPolicy{[](std::string_view token) -> result<auth::Principal> {
            return auth::Principal{
                .subject = std::string{token}, .scopes = {.admin = token == "admin"}, .anonymous = false};
        }});
}

}  // namespace
}  // namespace stepcast::app
