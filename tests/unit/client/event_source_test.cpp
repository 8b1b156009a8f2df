#include "client/event_source.hpp"

#include <thread>

#include "client/errc.hpp"
#include "unit/client/script_server.hpp"

namespace stepcast::client {
namespace {

using namespace std::chrono_literals;

std::string stream(std::string body) {
    return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n" + body;
}
const std::string no_content = "HTTP/1.1 204 No Content\r\n\r\n";

/// Everything that a source gives until it ends.
struct Followed {
    std::vector<Message> messages;
    std::optional<Error> error;
    std::vector<EventSource::State> states;
    std::vector<std::string> losses;  ///< why it had to connect again
};

Followed follow(asio::io_context& context, const Url& url,
                SourceOptions options = {.retry = 1ms, .retry_max = 2ms}) {
    Followed out;
    run_to_end(context, [&]() -> aio::awaitable<void> {
        EventSource source{co_await asio::this_coro::executor, url, options};
        source.on_state([&](EventSource::State state, std::string_view why) {
            out.states.push_back(state);
            if (state == EventSource::State::waiting) out.losses.emplace_back(why);
        });
        while (true) {
            auto next = co_await source.next();
            if (!next) {
                out.error = next.error();
                EXPECT_FALSE(co_await source.next()) << "an ended source stays ended";
                co_return;
            }
            if (!*next) co_return;
            out.messages.push_back(std::move(**next));
        }
    });
    return out;
}

TEST(EventSource, gives_events_with_type_data_and_id) {
    asio::io_context context;
    ScriptServer server{
        context,
        {{stream(": hi\n\nid: a.1\nevent: progress\ndata: {}\n\ndata: x\ndata: y\n\n")}, {no_content}}};
    const auto got = follow(context, server.url("/s?userId=u"));
    ASSERT_EQ(got.messages.size(), 2u);
    EXPECT_EQ(got.messages[0].type, "progress");
    EXPECT_EQ(got.messages[0].last_event_id, "a.1");
    EXPECT_EQ(got.messages[1].type, "message");
    EXPECT_EQ(got.messages[1].data, "x\ny");
    EXPECT_FALSE(got.error);
    EXPECT_TRUE(server.requests()[0].starts_with("GET /s?userId=u HTTP/1.1\r\n"));
    EXPECT_NE(server.requests()[0].find("Accept: text/event-stream\r\n"), std::string::npos);
    EXPECT_EQ(server.requests()[0].find("Last-Event-ID"), std::string::npos);
}

TEST(EventSource, resumes_with_the_last_id_after_a_cut) {
    asio::io_context context;
    ScriptServer server{context,
                        {{stream("id: a.1\ndata: 1\n\nid: a.2\ndata: half")},
                         {stream("id: a.7\n\ndata: 2\n\n")},
                         {no_content}}};
    const auto got = follow(context, server.url());
    ASSERT_EQ(got.messages.size(), 2u);
    EXPECT_EQ(got.messages[1].data, "2");
    ASSERT_EQ(server.requests().size(), 3u);
    EXPECT_NE(server.requests()[1].find("Last-Event-ID: a.1\r\n"), std::string::npos)
        << "an event cut in half does not count";
    EXPECT_NE(server.requests()[2].find("Last-Event-ID: a.7\r\n"), std::string::npos)
        << "a bare id moves the cursor";
    using State = EventSource::State;
    EXPECT_EQ(got.states, (std::vector{State::connecting, State::open, State::waiting, State::connecting,
                                       State::open, State::waiting, State::connecting, State::ended}));
}

TEST(EventSource, begins_at_a_given_id) {
    asio::io_context context;
    ScriptServer server{context, {{no_content}}};
    const auto got = follow(context, server.url(), {.last_event_id = "e.5"});
    EXPECT_TRUE(got.messages.empty());
    EXPECT_NE(server.requests()[0].find("Last-Event-ID: e.5\r\n"), std::string::npos);
}

TEST(EventSource, waits_as_long_as_retry_says) {
    asio::io_context context;
    ScriptServer server{context, {{stream("retry: 80\n\n")}, {no_content}}};
    const auto start = std::chrono::steady_clock::now();
    follow(context, server.url(), {.retry = 0ms});
    EXPECT_GE(std::chrono::steady_clock::now() - start, 80ms);
}

TEST(EventSource, any_status_but_200_ends_it_for_good) {
    for (const int status : {201, 301, 400, 401, 403, 404, 500, 503}) {
        asio::io_context context;
        ScriptServer server{context,
                            {{"HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: 0\r\n\r\n"}}};
        const auto got = follow(context, server.url());
        ASSERT_TRUE(got.error) << status;
        EXPECT_EQ(got.error->code, errc::refused);
        EXPECT_EQ(server.requests().size(), 1u);
    }
}

TEST(EventSource, another_content_type_ends_it_for_good) {
    asio::io_context context;
    ScriptServer server{context, {{"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}"}}};
    const auto got = follow(context, server.url());
    ASSERT_TRUE(got.error);
    EXPECT_EQ(got.error->code, errc::wrong_content_type);
}

TEST(EventSource, goes_on_after_a_connection_that_gave_no_answer) {
    asio::io_context context;
    ScriptServer server{context, {{""}, {"HTTP/1.1 2"}, {stream("data: x\n\n")}, {no_content}}};
    EXPECT_EQ(follow(context, server.url()).messages.size(), 1u);
}

TEST(EventSource, takes_a_silent_stream_for_dead) {
    asio::io_context context;
    ScriptServer server{context, {{stream("data: x\n\n"), false}, {no_content}}};
    // The first connection stays open and says nothing: only the limit gets the client to its second request.
    asio::io_context clients;
    std::jthread thread{[&] { context.run_for(10s); }};
    const auto got = follow(clients, server.url(), {.retry = 1ms, .silence_limit = 30ms});
    EXPECT_EQ(got.messages.size(), 1u);
    context.stop();
}

TEST(EventSource, stop_ends_a_waiting_stream) {
    asio::io_context context;
    ScriptServer server{context, {{stream("data: x\n\n"), false}}};
    run_to_end(context, [&]() -> aio::awaitable<void> {
        const auto strand = co_await asio::this_coro::executor;
        EventSource source{strand, server.url()};
        EXPECT_TRUE((co_await source.next())->has_value());
        asio::steady_timer timer{strand, 5ms};
        timer.async_wait([&](std::error_code) { source.stop(); });
        const auto end = co_await source.next();
        EXPECT_TRUE(end && !*end);
        EXPECT_EQ(source.state(), EventSource::State::ended);
    });
}

TEST(EventSource, reads_a_chunked_stream) {
    asio::io_context context;
    ScriptServer server{context,
                        {{"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: "
                          "chunked\r\n\r\n6\r\ndata: \r\n3\r\nx\n\n\r\n0\r\n\r\n"},
                         {no_content}}};
    const auto got = follow(context, server.url());
    ASSERT_EQ(got.messages.size(), 1u);
    EXPECT_EQ(got.messages[0].data, "x");
}

TEST(EventSource, tells_a_stream_that_was_cut_from_one_that_ended) {
    asio::io_context context;
    const std::string begun =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: "
        "chunked\r\n\r\n9\r\ndata: x\n\n\r\n";
    ScriptServer server{context,
                        {{begun + "0\r\n\r\n"},
                         {begun},              // the last chunk is missing
                         {begun + "5\r\nda"},  // in the middle of one
                         {stream("data: x\n\n")},
                         {no_content}}};
    const auto got = follow(context, server.url());
    EXPECT_EQ(got.messages.size(), 4u);
    const std::string ended = "the server ended the stream";
    const std::string cut = "the connection was cut in the middle of an answer";
    EXPECT_EQ(got.losses, (std::vector<std::string>{ended, cut, cut, ended}));
}

TEST(EventSource, a_heartbeat_and_the_first_lines_of_a_stream_are_no_events) {
    asio::io_context context;
    ScriptServer server{
        context,
        {{stream(":\nretry: 1\n:\n:\nid: e.0\nevent: live\ndata: {\"cursor\":\"e.0\"}\n\n:\n")},
         {no_content}}};
    const auto got = follow(context, server.url());
    ASSERT_EQ(got.messages.size(), 1u);
    EXPECT_EQ(got.messages[0].type, "live");
    EXPECT_NE(server.requests()[1].find("Last-Event-ID: e.0\r\n"), std::string::npos);
}

}  // namespace
}  // namespace stepcast::client
