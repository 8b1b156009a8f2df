#include "http/client_limits.hpp"

#include <gtest/gtest.h>

#include "http/client_share.hpp"
#include "unit/http/raw_client.hpp"
#include "unit/http/running_server.hpp"

namespace stepcast::http {
namespace {

using namespace std::chrono_literals;

constexpr ClientTable::Time begin{1h};

TEST(ClientTable, a_rate_lets_two_seconds_of_it_through_at_once_and_then_itself) {
    ClientTable table{{0, 0, 10}};
    int taken = 0;
    const auto ask = [&](ClientTable::Time now) {
        if (table.wait(7, Limited::requests, now) > 0ms) return false;
        table.charge(7, Limited::requests, 1, now);
        ++taken;
        return true;
    };
    while (ask(begin)) {
    }
    EXPECT_EQ(taken, 20);
    EXPECT_EQ(table.wait(7, Limited::requests, begin), 1ms);
    EXPECT_FALSE(ask(begin - 1s)) << "a clock that another thread read before gives nothing";
    EXPECT_TRUE(ask(begin + 100ms));
    for (auto now = begin + 200ms; now < begin + 10s; now += 10ms) ask(now);
    EXPECT_NEAR(taken, 20 + 100, 2);
    EXPECT_EQ(table.wait(8, Limited::requests, begin), 0ms) << "another client";
    while (ask(begin + 1h)) {
    }
    EXPECT_NEAR(taken, 140, 2) << "no more is saved up than two seconds";
}

TEST(ClientTable, what_costs_more_than_is_left_is_paid_by_waiting) {
    ClientTable table{{0, 0, 0, 0, 1000}};
    EXPECT_EQ(table.wait(7, Limited::bytes, begin), 0ms);
    table.charge(7, Limited::bytes, 12'000, begin);
    EXPECT_EQ(table.wait(7, Limited::bytes, begin), 10'001ms);
    EXPECT_GT(table.wait(7, Limited::bytes, begin + 9s), 0ms);
    EXPECT_EQ(table.wait(7, Limited::bytes, begin + 10'001ms), 0ms);
    EXPECT_EQ(table.refused(Limited::bytes), 2u);
    EXPECT_FALSE(table.bounds(Limited::requests));
}

TEST(ClientTable, forgets_the_idle_one_longest_not_heard_of_and_nobody_who_holds_something) {
    ClientTable table{{1, 0, 1}, 32};  // two in each of 16 shards
    const auto spend = [&](std::uint64_t client) { table.charge(client, Limited::requests, 100, begin); };
    const auto owes = [&](std::uint64_t client) {
        return table.wait(client, Limited::requests, begin) > 0ms;
    };
    spend(1), spend(2);
    EXPECT_TRUE(owes(1));  // heard of after 2
    spend(3);
    EXPECT_TRUE(owes(1));
    EXPECT_FALSE(owes(2)) << "2 was forgotten for 3, and 3 for 2";
    EXPECT_TRUE(table.enter(1, Limited::connections));
    for (std::uint64_t client = 10; client < 1000; ++client) spend(client);
    EXPECT_FALSE(table.enter(1, Limited::connections));
    EXPECT_EQ(table.size(), 2u);
    table.leave(1, Limited::connections);
    EXPECT_TRUE(table.enter(1, Limited::connections));
    table.leave(1, Limited::connections);
    for (std::uint64_t client = 0; client < 1000; ++client) spend(client << 54);
    EXPECT_LE(table.size(), 32u);
}

std::vector<Route> routes() {
    const Handler hello = [](Request&, Context) -> awaitable<Response> {
        Response response = Response::json("{}");
        response.events = 5;
        co_return response;
    };
    const Handler large = [](Request&, Context) -> awaitable<Response> {
        co_return Response::json(std::string(100'000, 'x'));
    };
    return {{Method::get, "/hello", hello, {.access = Access::user}},
            {Method::post, "/events", hello, {.access = Access::user}},
            {Method::get, "/large", large, {.access = Access::user}},
            {Method::get, "/health", hello, {.access = Access::open, .any_host = true}}};
}

/// A server whose clients come by a proxy on this machine, so that a test can be several of them.
class LimitedServer {
  public:
    explicit LimitedServer(const ClientLimits::Bounds& bounds)
        : limits{bounds}, server{routes(), options()} {}

    RawResponse ask(std::string_view path, std::string_view address, std::string_view more = {}) {
        RawClient client{server.port()};
        const std::string headers = "X-Forwarded-For: " + std::string{address} + "\r\n" + std::string{more};
        return client.ask(path == "/events" ? post(path, "{}", headers) : get(path, headers)).value();
    }
    /// The address, or the user, has used up so much that no pause of this machine makes up for it.
    void owe(const char* address, std::string user, Limited what) {
        Request request;
        request.peer.address = asio::ip::make_address(address);
        request.principal = {.subject = user, .anonymous = user.empty()};
        limits.charge(limits.payer_of(request), what, 10'000'000);
    }
    /// How many are answered by 200 before one is not; at most 50.
    int answered(std::string_view path, std::string_view address, std::string_view more = {}) {
        int count = 0;
        while (count < 50 && ask(path, address, more).status == 200) ++count;
        return count;
    }

    ClientLimits limits;
    RunningServer server;

  private:
    ServerOptions options() {
        ServerOptions options;
        options.proxies = TrustedProxies{ProxyHeader::x_forwarded_for, {"127.0.0.1"}};
        options.clients = &limits;
        return options;
    }
};

TEST(ClientLimits, an_address_that_asks_too_often_is_told_when_to_come_again) {
    LimitedServer limited{{.address = {0, 0, 1}}};
    EXPECT_LT(limited.answered("/hello", "192.0.2.1"), 50);
    limited.owe("192.0.2.1", "", Limited::requests);
    const auto refused = limited.ask("/hello", "192.0.2.1");
    EXPECT_EQ(refused.status, 429);
    EXPECT_GT(std::stoi(refused.headers.at("retry-after")), 9'000'000);
    EXPECT_NE(refused.body.find("one address may send 1 requests a second (limits.address_requests)"),
              std::string::npos)
        << refused.body;
    EXPECT_EQ(limited.ask("/nothing", "192.0.2.1").status, 429) << "whatever it asks for";
    EXPECT_EQ(limited.ask("/health", "192.0.2.1").status, 200) << "but our health";
    EXPECT_EQ(limited.ask("/hello", "192.0.2.2").status, 200) << "another address";
    limited.owe("2001:db8::1", "", Limited::requests);
    EXPECT_EQ(limited.ask("/hello", "2001:db8::ffff").status, 429) << "one /64 is one client";
    const auto stream = limited.ask("/hello", "192.0.2.1", "Accept: text/event-stream\r\n");
    EXPECT_EQ(stream.status, 200) << "EventSource would give up";
    EXPECT_NE(stream.body.find("retry: "), std::string::npos);
    EXPECT_GE(limited.limits.addresses().refused(Limited::requests), 4u);
}

TEST(ClientLimits, events_and_bytes_are_paid_for_by_what_was_sent) {
    LimitedServer limited{{.address = {0, 0, 0, 1}}};
    EXPECT_LT(limited.answered("/events", "192.0.2.1"), 10) << "each brings five";
    limited.owe("192.0.2.1", "", Limited::events);
    EXPECT_EQ(limited.ask("/events", "192.0.2.1").status, 429);
    EXPECT_EQ(limited.ask("/hello", "192.0.2.1").status, 200) << "which brings none";
    LimitedServer metered{{.address = {0, 0, 0, 0, 1'000}}};
    EXPECT_EQ(metered.ask("/large", "192.0.2.2").status, 200);
    const auto refused = metered.ask("/hello", "192.0.2.2");
    EXPECT_EQ(refused.status, 429);
    EXPECT_GE(std::stoi(refused.headers.at("retry-after")), 60);
}

TEST(ClientLimits, a_user_is_held_to_its_own_whatever_its_address_and_a_publisher_to_none) {
    LimitedServer limited{{.user = {0, 0, 1}}};
    limited.server.router().hold_to(AccessPolicy{[](std::string_view token) -> result<auth::Principal> {
        return auth::Principal{
            .subject = std::string{token}, .scopes = {.publish = token == "worker"}, .anonymous = false};
    }});
    EXPECT_LT(limited.answered("/hello", "192.0.2.1", "Authorization: Bearer ada\r\n"), 50);
    limited.owe("192.0.2.1", "ada", Limited::requests);
    EXPECT_EQ(limited.ask("/hello", "192.0.2.2", "Authorization: Bearer ada\r\n").status, 429);
    EXPECT_EQ(limited.ask("/hello", "192.0.2.1", "Authorization: Bearer bob\r\n").status, 200);
    EXPECT_EQ(limited.answered("/hello", "192.0.2.1", "Authorization: Bearer worker\r\n"), 50);
    EXPECT_EQ(limited.limits.addresses().size(), 0u);
}

TEST(ClientLimits, an_address_has_so_many_connections_and_a_trusted_proxy_any_number) {
    ClientLimits limits{{.address = {2}}};
    ServerOptions options;
    options.clients = &limits;
    RunningServer server{routes(), options};
    {
        RawClient first{server.port()}, second{server.port()};
        EXPECT_EQ(first.ask(get("/hello"))->status, 200);
        EXPECT_EQ(second.ask(get("/hello"))->status, 200);
        RawClient third{server.port()};
        const auto refused = third.ask(get("/hello"));
        EXPECT_EQ(refused->status, 429);
        EXPECT_EQ(refused->headers.at("retry-after"), "5");
        EXPECT_TRUE(third.closed());
        RawClient stream{server.port()};  // who asks nothing for two seconds is told as anybody is
        EXPECT_EQ(stream.ask(get("/hello", "Accept: text/event-stream\r\n"))->status, 200);
        EXPECT_TRUE(stream.closed());
        EXPECT_EQ(first.ask(get("/hello"))->status, 200);
    }
    EXPECT_TRUE(eventually([&] {
        RawClient again{server.port()};
        return again.ask(get("/hello"))->status == 200;
    }));
    LimitedServer behind{{.address = {2}}};
    RawClient first{behind.server.port()}, second{behind.server.port()}, third{behind.server.port()};
    for (auto* client : {&first, &second, &third}) EXPECT_EQ(client->ask(get("/hello"))->status, 200);
}

TEST(ClientShare, of_a_connection_is_one_place_and_goes_with_it_and_with_its_user) {
    ClientLimits limits{{.address = {1}, .user = {1}}};
    Request ada, bob;
    ada.principal = {.subject = "ada", .anonymous = false};
    bob.principal = {.subject = "bob", .anonymous = false};
    std::optional<ClientShare> first{&limits};
    ClientShare second{&limits};
    const Peer peer{.address = asio::ip::make_address("192.0.2.1")};
    EXPECT_TRUE(first->hold_place(peer));
    EXPECT_TRUE(first->hold_place(peer)) << "it has its place";
    EXPECT_FALSE(second.hold_place(peer));
    EXPECT_FALSE(first->admit(ada, nullptr));
    EXPECT_EQ(second.admit(ada, nullptr)->status, 429);
    EXPECT_FALSE(first->admit(bob, nullptr)) << "who proved its name last holds it";
    EXPECT_FALSE(second.admit(ada, nullptr));
    first.reset();
    EXPECT_TRUE(second.hold_place(peer));
}

}  // namespace
}  // namespace stepcast::http
