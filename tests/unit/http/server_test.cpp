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
    Options options;
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

}  // namespace
}  // namespace stepcast::http
