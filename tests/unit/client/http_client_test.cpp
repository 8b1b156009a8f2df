#include "client/http_client.hpp"

#include "client/errc.hpp"
#include "unit/client/script_server.hpp"

namespace stepcast::client {
namespace {

std::string counted(std::string body, std::string extra = "") {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + extra + "\r\n" +
           body;
}

TEST(HttpClient, keeps_its_connection_between_calls) {
    asio::io_context context;
    ScriptServer server{context, {{counted("one"), false}, {counted("two"), false}}};
    run_to_end(context, [&]() -> aio::awaitable<void> {
        HttpClient http{co_await asio::this_coro::executor, server.url()};
        const auto first = co_await http.get("/a?b=c");
        const auto second = co_await http.post("/d", R"({"e":1})");
        EXPECT_EQ(first->body, "one");
        EXPECT_EQ(second->body, "two");
    });
    EXPECT_EQ(server.connections(), 1u);
    ASSERT_EQ(server.requests().size(), 2u);
    EXPECT_TRUE(server.requests()[0].starts_with("GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:"))
        << server.requests()[0];
    EXPECT_NE(server.requests()[1].find("Content-Type: application/json\r\n"), std::string::npos);
    EXPECT_TRUE(server.requests()[1].ends_with("\r\n\r\n{\"e\":1}")) << server.requests()[1];
}

TEST(HttpClient, reads_chunked_and_close_delimited_answers) {
    asio::io_context context;
    ScriptServer server{
        context,
        {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", false},
         {"HTTP/1.1 200 OK\r\nX-Y: z\r\n\r\nuntil the end", true}}};
    run_to_end(context, [&]() -> aio::awaitable<void> {
        HttpClient http{co_await asio::this_coro::executor, server.url()};
        EXPECT_EQ((co_await http.get("/"))->body, "abc");
        const auto closed = co_await http.get("/");
        EXPECT_EQ(closed->body, "until the end");
        EXPECT_EQ(closed->header("x-y"), "z");
    });
}

TEST(HttpClient, replaces_a_connection_that_the_server_closed_in_between) {
    asio::io_context context;
    ScriptServer server{context, {{counted("one"), true}, {counted("two"), true}}};
    run_to_end(context, [&]() -> aio::awaitable<void> {
        HttpClient http{co_await asio::this_coro::executor, server.url()};
        EXPECT_TRUE(co_await http.get("/"));
        EXPECT_TRUE(co_await http.get("/"));
    });
    EXPECT_EQ(server.connections(), 2u);
}

TEST(HttpClient, an_error_status_is_an_answer) {
    asio::io_context context;
    ScriptServer server{context,
                        {{"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n", true}}};
    run_to_end(context, [&]() -> aio::awaitable<void> {
        HttpClient http{co_await asio::this_coro::executor, server.url()};
        const auto answer = co_await http.get("/");
        EXPECT_EQ(answer->status, 503);
        EXPECT_FALSE(answer->ok());
        EXPECT_EQ(answer->header("retry-after"), "1");
    });
}

TEST(HttpClient, says_what_went_wrong) {
    asio::io_context context;
    ScriptServer server{context,
                        {{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", true},
                         {"nonsense\r\n\r\n", true},
                         {"", false}}};
    run_to_end(context, [&]() -> aio::awaitable<void> {
        HttpLimits limits;
        limits.answer = std::chrono::milliseconds{50};
        HttpClient http{co_await asio::this_coro::executor, server.url(), limits};
        EXPECT_EQ((co_await http.get("/")).error().code, errc::cut);
        EXPECT_EQ((co_await http.get("/")).error().code, errc::bad_response);
        EXPECT_EQ((co_await http.get("/")).error().code, errc::timed_out);
        server.stop();
        EXPECT_EQ((co_await http.get("/")).error().code, errc::unreachable);
    });
}

TEST(HttpClient, bounds_the_body) {
    asio::io_context context;
    ScriptServer server{context, {{counted(std::string(1000, 'a')), true}}};
    run_to_end(context, [&]() -> aio::awaitable<void> {
        HttpLimits limits;
        limits.body = 999;
        HttpClient http{co_await asio::this_coro::executor, server.url(), limits};
        EXPECT_EQ((co_await http.get("/")).error().code, errc::too_large);
    });
}

}  // namespace
}  // namespace stepcast::client
