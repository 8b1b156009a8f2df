#include "http/server.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "aio/notice.hpp"
#include "unit/http/raw_client.hpp"
#include "unit/http/running_server.hpp"

namespace stepcast::http {
namespace {

using namespace std::chrono_literals;

std::vector<Route> echo_routes() {
    return {
        {Method::get, "/hello",
         [](Request&, Context) -> awaitable<Response> { co_return Response::json("{\"a\":1}"); }},
        {Method::post, "/echo",
         [](Request& request, Context) -> awaitable<Response> { co_return Response::json(request.body); }},
        {Method::get, "/item/{id}",
         [](Request& request, Context) -> awaitable<Response> {
             co_return Response::json(std::string{request.path_parameter("id")});
         }},
        {Method::get, "/throws",
         [](Request&, Context) -> awaitable<Response> {
             throw std::runtime_error{"secret"};
             co_return Response{};
         }},
        {Method::get, "/large",
         [](Request&, Context) -> awaitable<Response> {
             co_return Response::json(std::string(20'000'000, 'x'));
         }},
    };
}

TEST(Server, keeps_a_connection_for_many_requests) {
    RunningServer server{echo_routes()};
    RawClient client{server.port()};
    for (int i = 0; i < 3; ++i) {
        const auto response = client.ask(get("/hello"));
        ASSERT_TRUE(response);
        EXPECT_EQ(response->status, 200);
        EXPECT_EQ(response->body, "{\"a\":1}");
        EXPECT_EQ(response->headers.count("connection"), 0u);
        EXPECT_EQ(response->headers.at("date").size(), 29u);
    }
    EXPECT_EQ(client.ask(post("/echo", "some body"))->body, "some body");
    EXPECT_EQ(server.server().stats().accepted.load(), 1u);
}

TEST(Server, answers_pipelined_requests_in_order_also_beyond_one_turn) {
    ServerOptions options;
    options.max_pipelined = 10;
    RunningServer server{echo_routes(), options};
    for (const int count : {9, 10, 11, 500}) {
        RawClient client{server.port()};
        std::string all;
        for (int i = 0; i < count; ++i) all += post("/echo", std::to_string(i));
        client.send(all);
        for (int i = 0; i < count; ++i) {
            const auto response = client.receive();
            ASSERT_TRUE(response);
            EXPECT_EQ(response->body, std::to_string(i));
        }
    }
}

TEST(Server, head_has_the_headers_of_get_and_no_body) {
    RunningServer server{echo_routes()};
    RawClient client{server.port()};
    const auto head = client.ask("HEAD /hello HTTP/1.1\r\nHost: localhost\r\n\r\n", true);
    EXPECT_EQ(head->status, 200);
    EXPECT_EQ(head->headers.at("content-length"), "7");
    EXPECT_EQ(client.ask(get("/hello"))->body, "{\"a\":1}");
}

TEST(Server, unknown_paths_and_methods_are_problems) {
    RunningServer server{echo_routes()};
    RawClient client{server.port()};
    const auto unknown = client.ask(get("/nothing"));
    EXPECT_EQ(unknown->status, 404);
    EXPECT_EQ(unknown->headers.at("content-type"), "application/problem+json");
    const auto wrong = client.ask(post("/hello", "x"));
    EXPECT_EQ(wrong->status, 405);
    EXPECT_EQ(wrong->headers.at("allow"), "GET, HEAD, OPTIONS");
    const auto options = client.ask("OPTIONS /echo HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(options->status, 204);
    EXPECT_EQ(options->headers.at("allow"), "POST, OPTIONS");
    EXPECT_EQ(client.ask(get("/item/%EA%B0%80%2F1"))->body, "가/1");
}

TEST(Server, an_exception_is_a_500_that_reveals_nothing) {
    RunningServer server{echo_routes()};
    RawClient client{server.port()};
    const auto response = client.ask(get("/throws"));
    EXPECT_EQ(response->status, 500);
    EXPECT_EQ(response->body.find("secret"), std::string::npos);
    EXPECT_EQ(client.ask(get("/hello"))->status, 200);
}

TEST(Server, http_1_0_closes_unless_asked_to_stay) {
    RunningServer server{echo_routes()};
    RawClient closing{server.port()};
    EXPECT_EQ(closing.ask("GET /hello HTTP/1.0\r\n\r\n")->headers.at("connection"), "close");
    EXPECT_TRUE(closing.closed());
    RawClient staying{server.port()};
    for (int i = 0; i < 2; ++i)
        EXPECT_EQ(
            staying.ask("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")->headers.at("connection"),
            "keep-alive");
    RawClient asked{server.port()};
    EXPECT_EQ(asked.ask(get("/hello", "Connection: close\r\n"))->headers.at("connection"), "close");
    EXPECT_TRUE(asked.closed());
}

TEST(Server, expect_continue_is_answered_before_the_body) {
    RunningServer server{echo_routes()};
    RawClient client{server.port()};
    const auto go_on = client.ask(
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    ASSERT_TRUE(go_on);
    EXPECT_EQ(go_on->status, 100);
    EXPECT_EQ(client.ask("body")->body, "body");
    EXPECT_EQ(client.ask(post("/echo", "whole", "Expect: 100-continue\r\n"))->body, "whole")
        << "nobody waits, so nobody is told";
    const auto too_large = client.ask(
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n");
    EXPECT_EQ(too_large->status, 413);
    RawClient other{server.port()};
    EXPECT_EQ(other.ask(post("/echo", "x", "Expect: coffee\r\n"))->status, 417);
}

TEST(Server, a_body_that_its_head_already_refuses_is_not_asked_for) {
    RunningServer server{echo_routes()};
    const auto waiting = [&](std::string_view method, std::string_view path, std::string_view more) {
        RawClient client{server.port()};
        const auto response = client.ask(std::string{method}.append(" ").append(path).append(
                                             " HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n") +
                                             std::string{more} + "Content-Length: 4\r\n\r\n",
                                         method == "HEAD");
        EXPECT_TRUE(response);
        EXPECT_TRUE(client.closed()) << path;
        return response->status;
    };
    EXPECT_EQ(waiting("POST", "/nothing", ""), 404);
    EXPECT_EQ(waiting("PUT", "/echo", ""), 405);
    EXPECT_EQ(waiting("HEAD", "/nothing", ""), 404);
    EXPECT_EQ(waiting("POST", "/echo", "Origin: https://evil.example\r\n"), 403);
    EXPECT_EQ(waiting("POST", "/echo", "Content-Encoding: gzip\r\n"), 415);
    EXPECT_EQ(waiting("POST", "/echo", "Forwarded: for=192.0.2.1\r\n"), 403)
        << "it is for clients of this machine";
    std::uint64_t counted = 0;
    for (const RequestStats* stats : server.router().stats())
        if (stats->route() == "(none)") counted = stats->requests(404);
    EXPECT_EQ(counted, 2u);
}

TEST(Server, what_the_parser_refuses_is_a_problem_that_a_listed_page_can_read) {
    ServerOptions options;
    options.cors_origins = {"https://app.example"};
    options.limits = {.request_line = 100, .header_bytes = 300, .headers = 6, .body = 50};
    options.header_timeout = options.body_timeout = 50ms;
    RunningServer server{echo_routes(), options};
    const std::string origin = "Origin: https://app.example\r\n";
    const std::string trace = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";
    const std::pair<std::string, int> refused[] = {
        {get("/hello", origin + trace + "X : y\r\n"), 400},
        {get("/hello", origin + trace + "A: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\n"), 431},
        {post("/echo", std::string(51, 'x'), origin + trace), 413},
        {get("/hello", origin + trace + "Transfer-Encoding: gzip, chunked\r\n"), 501},
        {post("/echo", "x", origin + trace + "Expect: coffee\r\n"), 417},
        {"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n" + origin + trace + "\r\n", 408},
        {"GET /hello HTTP/1.1\r\nHost: localhost\r\n" + origin + trace, 408},
    };
    for (const auto& [request, status] : refused) {
        const auto response = RawClient{server.port()}.ask(request);
        ASSERT_TRUE(response) << request;
        EXPECT_EQ(response->status, status) << request;
        EXPECT_EQ(response->headers.at("content-type"), "application/problem+json");
        EXPECT_EQ(response->headers.at("access-control-allow-origin"), "https://app.example") << status;
        EXPECT_NE(response->body.find("\"code\":\""), std::string::npos);
        EXPECT_NE(response->body.find("\"traceId\":\"0af7651916cd43dd8448eb211c80319c\""), std::string::npos);
    }
    const auto unknown_origin = RawClient{server.port()}.ask(get("/" + std::string(100, 'x'), origin));
    EXPECT_EQ(unknown_origin->status, 414);
    EXPECT_EQ(unknown_origin->headers.count("access-control-allow-origin"), 0u) << "its Origin was not read";
    EXPECT_EQ(unknown_origin->headers.at("vary"), "Origin");
    EXPECT_EQ(RawClient{server.port()}.ask("GET /hello HTTP/2.0\r\n")->status, 505);
    const auto foreign =
        RawClient{server.port()}.ask(get("/hello", "Origin: https://evil.example\r\nX : y\r\n"));
    EXPECT_EQ(foreign->status, 400);
    EXPECT_EQ(foreign->headers.count("access-control-allow-origin"), 0u);
}

TEST(Server, a_refused_client_reads_the_answer_although_it_kept_sending) {
    RunningServer server{echo_routes()};
    for (int i = 0; i < 20; ++i) {
        RawClient client{server.port()};
        client.send(post("/echo", std::string(2'000'000, 'x')));
        const auto response = client.receive();
        ASSERT_TRUE(response);
        EXPECT_EQ(response->status, 413);
        EXPECT_EQ(response->headers.at("connection"), "close");
    }
    RawClient garbage{server.port()};
    EXPECT_EQ(garbage.ask("GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n")->status, 400);
    EXPECT_TRUE(garbage.closed());
}

TEST(Server, the_configured_limits_hold) {
    ServerOptions options;
    options.limits = {.request_line = 100, .header_bytes = 200, .headers = 4, .body = 50};
    RunningServer server{echo_routes(), options};
    const auto status = [&](const std::string& request) {
        return RawClient{server.port()}.ask(request)->status;
    };
    EXPECT_EQ(status(post("/echo", std::string(50, 'x'))), 200);
    EXPECT_EQ(status(post("/echo", std::string(51, 'x'))), 413);
    EXPECT_EQ(status(get("/item/" + std::string(81, 'x'))), 200);
    EXPECT_EQ(status(get("/item/" + std::string(82, 'x'))), 414);
    EXPECT_EQ(status(get("/hello", "X: " + std::string(178, 'x') + "\r\n")), 200);
    EXPECT_EQ(status(get("/hello", "X: " + std::string(179, 'x') + "\r\n")), 431);
    EXPECT_EQ(status(get("/hello", "A: 1\r\nB: 1\r\nC: 1\r\n")), 200);
    EXPECT_EQ(status(get("/hello", "A: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\n")), 431);
}

TEST(Server, a_large_answer_waits_for_its_reader) {
    RunningServer server{echo_routes()};
    RawClient client{server.port()};
    const auto response = client.ask(get("/large"));
    ASSERT_TRUE(response);
    EXPECT_EQ(response->body, std::string(20'000'000, 'x'));
    EXPECT_EQ(client.ask(get("/hello"))->status, 200);
}

TEST(Server, counts_requests_by_route_and_status) {
    RunningServer server{echo_routes()};
    RawClient client{server.port()};
    client.ask(get("/item/1"));
    client.ask(get("/item/2"));
    client.ask(get("/nothing"));
    client.ask("BREW / HTTP/1.1\r\n\r\n");
    std::uint64_t items = 0, unmatched = 0, refused = 0;
    for (const RequestStats* stats : server.router().stats()) {
        if (stats->route() == "/item/{id}") items = stats->requests(200);
        if (stats->route() == "(none)") unmatched = stats->requests(404);
        if (stats->route() == "(refused)") refused = stats->requests(501);
    }
    EXPECT_EQ(items, 2u);
    EXPECT_EQ(unmatched, 1u);
    EXPECT_EQ(refused, 1u);
}

TEST(Server, a_port_that_is_taken_is_one_clear_error) {
    RunningServer server{echo_routes()};
    Router router{ServerOptions{}};
    Server second{server.io(), {}, router, ServerOptions{}};
    const auto bound = second.listen("127.0.0.1", server.port());
    ASSERT_FALSE(bound);
    EXPECT_EQ(bound.error().detail,
              "cannot listen on 127.0.0.1:" + std::to_string(server.port()) + ": Address already in use");
    EXPECT_FALSE(second.listen("no host", 1));
}

}  // namespace
}  // namespace stepcast::http
