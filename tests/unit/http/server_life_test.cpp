// Deadlines, limits of the whole server, clients that vanish, takeovers and the stop.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <asio/post.hpp>
#include <atomic>
#include <list>

#include "aio/notice.hpp"
#include "broadcast/lane.hpp"
#include "unit/http/raw_client.hpp"
#include "unit/http/running_server.hpp"

namespace stepcast::http {
namespace {

using namespace std::chrono_literals;

/// Writes a line, with what was read behind the request, and closes: what a stream does, in short.
struct Farewell final : Takeover {
    void start(aio::Transport transport, std::string unread, broadcast::Lane& lane) override {
        EXPECT_TRUE(lane.strand().running_in_this_thread());
        transport.send("HTTP/1.1 200 OK\r\n\r\ntaken over" + unread);
    }
};

std::atomic<int> handling{0};       ///< handlers of /slow, /works and /hangs that have begun
std::atomic<bool> released{false};  ///< lets /hangs and the first /works go on

std::vector<Route> routes() {
    handling = 0, released = false;
    return {
        {Method::get, "/hello",
         [](Request&, Context) -> awaitable<Response> { co_return Response::json("{}"); }},
        {Method::get, "/handling",
         [](Request&, Context) -> awaitable<Response> {
             co_return Response::json(fmt::format("{}", handling.load()));
         }},
        {Method::get, "/lane",
         [](Request&, Context context) -> awaitable<Response> {
             co_return Response::json(fmt::format("{}", context.lane.index()));
         }},
        {Method::post, "/echo",
         [](Request& request, Context) -> awaitable<Response> { co_return Response::json(request.body); }},
        {Method::get, "/slow",
         [](Request&, Context) -> awaitable<Response> {
             ++handling;
             co_await aio::pause(300ms);
             co_return Response::json("{}");
         }},
        {Method::get, "/works",
         [](Request&, Context) -> awaitable<Response> {
             if (++handling == 1) EXPECT_TRUE(eventually([] { return released.load(); }));
             std::this_thread::sleep_for(2ms);  // holds the lane, as work would
             co_return Response::json("{}");
         }},
        {Method::get, "/hangs",
         [](Request&, Context) -> awaitable<Response> {
             ++handling;
             while (!released) co_await aio::pause(5ms);
             co_return Response::json("{}");
         }},
        {Method::get, "/large",
         [](Request&, Context) -> awaitable<Response> {
             co_return Response::json(std::string(50'000'000, 'x'));
         }},
        {Method::get, "/stream",
         [](Request&, Context) -> awaitable<Response> {
             Response response;
             response.with("Content-Type", "text/event-stream");
             response.takeover = std::make_unique<Farewell>();
             co_return response;
         }},
    };
}

bool nobody_left(RunningServer& server) {
    return eventually([&] { return server.server().stats().open.load() == 0; });
}

TEST(Deadline, a_slow_head_is_408_however_its_bytes_drip) {
    ServerOptions options;
    options.header_timeout = 200ms;
    RunningServer server{routes(), options};
    RawClient client{server.port()};
    const auto start = std::chrono::steady_clock::now();
    for (const char c : std::string_view{"GET /hello"}) {
        client.send({&c, 1});
        std::this_thread::sleep_for(10ms);
    }
    const auto response = client.receive();
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 408);
    EXPECT_GE(std::chrono::steady_clock::now() - start, 200ms);
    EXPECT_TRUE(client.closed());
}

TEST(Deadline, a_slow_body_is_408) {
    ServerOptions options;
    options.body_timeout = 100ms;
    RunningServer server{routes(), options};
    RawClient client{server.port()};
    EXPECT_EQ(client.ask("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhel")->status,
              408);
}

TEST(Deadline, an_idle_connection_closes_without_a_word) {
    ServerOptions options;
    options.idle_timeout = 100ms;
    RunningServer server{routes(), options};
    RawClient fresh{server.port()};
    RawClient used{server.port()};
    EXPECT_EQ(used.ask(get("/slow"))->status, 200) << "answering is not idling";
    EXPECT_TRUE(fresh.closed());
    EXPECT_TRUE(used.closed());
    EXPECT_TRUE(nobody_left(server));
}

TEST(Deadline, an_empty_line_behind_a_body_is_idling) {
    ServerOptions options;
    options.header_timeout = 100ms;
    RunningServer server{routes(), options};
    RawClient client{server.port()}, on_the_other_lane{server.port()}, slow{server.port()};
    EXPECT_EQ(client.ask(post("/echo", "hello") + "\r\n")->body, "hello");
    EXPECT_EQ(slow.ask("GET /hel")->status, 408);  // a head that began later on the same lane
    EXPECT_EQ(client.ask(get("/hello"))->status, 200);
}

TEST(Deadline, a_reader_that_takes_nothing_is_closed) {
    ServerOptions options;
    options.write_timeout = 100ms;
    RunningServer server{routes(), options};
    RawClient client{server.port()};
    client.send(get("/large"));
    EXPECT_TRUE(eventually([&] { return server.server().stats().accepted.load() == 1; }));
    EXPECT_TRUE(nobody_left(server));
}

TEST(Vanishing, clients_that_reset_at_any_point_leave_nothing_behind) {
    RunningServer server{routes()};
    const std::string script = post("/echo", "hello") + get("/hello");
    for (std::size_t cut = 0; cut <= script.size(); ++cut) {
        RawClient client{server.port()};
        client.send(std::string_view{script}.substr(0, cut));
        client.reset();
    }
    for (const auto* path : {"/slow", "/large", "/stream"}) {
        RawClient client{server.port()};
        client.send(get(path));
        client.reset();
    }
    EXPECT_TRUE(nobody_left(server));
    EXPECT_EQ(RawClient{server.port()}.ask(get("/hello"))->status, 200);
}

TEST(Vanishing, a_half_closed_client_still_gets_its_answers) {
    RunningServer server{routes()};
    RawClient client{server.port()};
    client.send(get("/slow") + get("/hello"));
    client.finish_sending();
    EXPECT_EQ(client.receive()->status, 200);
    EXPECT_EQ(client.receive()->status, 200);
    EXPECT_TRUE(client.closed());
    RawClient half{server.port()};
    half.send("GET /hel");
    half.finish_sending();
    EXPECT_TRUE(half.closed());
    EXPECT_TRUE(nobody_left(server));
}

TEST(Vanishing, a_client_that_sent_more_while_its_last_answer_was_made_still_gets_that) {
    RunningServer server{routes()};
    RawClient client{server.port()};
    client.send(get("/hangs", "Connection: close\r\n"));
    EXPECT_TRUE(eventually([] { return handling == 1; }));
    client.send(get("/hello"));
    released = true;
    EXPECT_EQ(client.receive()->status, 200);
    EXPECT_EQ(client.rest(), "");
    EXPECT_FALSE(client.was_reset());
}

TEST(Connections, beyond_the_limit_are_told_so) {
    for (const std::size_t limit : {2u, 3u}) {
        ServerOptions options;
        options.max_connections = limit;
        RunningServer server{routes(), options};
        std::vector<std::unique_ptr<RawClient>> clients;
        for (std::size_t i = 0; i < limit; ++i) {
            clients.push_back(std::make_unique<RawClient>(server.port()));
            EXPECT_EQ(clients.back()->ask(get("/hello"))->status, 200);
            clients.back()->send("GET /hel");  // not idle
        }
        EXPECT_TRUE(eventually([&] { return server.server().idle() == 0; }));
        RawClient beyond{server.port()};
        const auto refused = beyond.ask(get("/hello"));
        ASSERT_TRUE(refused);
        EXPECT_EQ(refused->status, 503);
        EXPECT_TRUE(refused->headers.contains("retry-after"));
        EXPECT_TRUE(beyond.closed());
        EXPECT_EQ(server.server().stats().refused.load(), 1u);
        clients.pop_back();
        EXPECT_TRUE(eventually([&] { return server.server().stats().open.load() < limit; }));
        EXPECT_EQ(RawClient{server.port()}.ask(get("/hello"))->status, 200);
    }
}

TEST(Connections, that_come_one_at_a_time_are_spread_over_the_lanes) {
    RunningServer server{routes()};
    std::vector<std::unique_ptr<RawClient>> clients;
    std::string lanes;
    for (int i = 0; i < 6; ++i) {
        clients.push_back(std::make_unique<RawClient>(server.port()));
        lanes += clients.back()->ask(get("/lane"))->body;
    }
    EXPECT_EQ(lanes, "010101");
}

TEST(Connections, the_longest_idle_one_gives_way_at_the_limit) {
    ServerOptions options;
    options.max_connections = 4;
    RunningServer server{routes(), options};
    std::vector<std::unique_ptr<RawClient>> clients;
    for (std::size_t i = 0; i < 4; ++i) {
        clients.push_back(std::make_unique<RawClient>(server.port()));
        EXPECT_EQ(clients.back()->ask(get("/hello"))->status, 200);
    }
    for (std::size_t i = 0; i < 2; ++i) {
        auto next = std::make_unique<RawClient>(server.port());
        const auto answer = next->ask(get("/hello"));
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->status, 200);
        EXPECT_TRUE(clients[i]->closed()) << i;
        EXPECT_TRUE(eventually([&] { return server.server().stats().open.load() == 4; }));
        clients.push_back(std::move(next));
    }
    EXPECT_EQ(clients[3]->ask(get("/hello"))->status, 200) << "only the longest idle";
    EXPECT_EQ(server.server().stats().evicted.load(), 2u);
}

TEST(Connections, at_the_limit_a_stream_is_told_to_come_back_and_does_not_give_up) {
    ServerOptions options;
    options.max_connections = 1;
    std::size_t streams = 1;
    RunningServer server{routes(), options, [&] { return streams; }};
    RawClient stream{server.port()};
    const auto told = stream.ask(get("/stream", "Accept: text/event-stream\r\n"));
    ASSERT_TRUE(told);
    EXPECT_EQ(told->status, 200);
    EXPECT_EQ(told->headers.at("content-type"), "text/event-stream");
    EXPECT_EQ(told->headers.at("connection"), "close");
    EXPECT_NE(told->body.find("retry: "), std::string::npos);
    EXPECT_EQ(RawClient{server.port()}.ask(get("/hello"))->status, 503);
    RawClient silent{server.port()};
    const auto refused = silent.receive();
    ASSERT_TRUE(refused) << "whoever says nothing is told as well";
    EXPECT_EQ(refused->status, 503);
}

TEST(Connections, running_out_of_descriptors_is_survived) {
#if __has_feature(undefined_behavior_sanitizer)
    GTEST_SKIP() << "the sanitizer needs descriptors itself: its vptr check reports what it cannot read";
#endif
    RunningServer server{routes()};
    EXPECT_EQ(RawClient{server.port()}.ask(get("/hello"))->status, 200);
    EXPECT_TRUE(nobody_left(server));
    // The client needs one descriptor: every other one up to the limit is taken, so that accept finds none.
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    std::vector<int> taken;
    const int highest = ::dup(STDOUT_FILENO);
    ::close(highest);
    rlimit few = before;
    few.rlim_cur = static_cast<rlim_t>(highest) + 20;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    for (int fd; (fd = ::dup(STDOUT_FILENO)) >= 0;) taken.push_back(fd);
    ::close(taken.back());
    taken.pop_back();
    {
        RawClient client{server.port()};
        client.send(get("/hello"));
        EXPECT_TRUE(eventually([&] { return server.server().stats().accept_errors.load() > 0; }));
        for (const int fd : taken) ::close(fd);
        EXPECT_EQ(client.receive()->status, 200);
    }
    ::setrlimit(RLIMIT_NOFILE, &before);
}

TEST(Turn, is_a_time_so_nobody_waits_for_all_that_another_pipelined) {
    RunningServer server{routes()};
    RawClient greedy{server.port()}, on_the_other_lane{server.port()}, modest{server.port()};
    EXPECT_EQ(on_the_other_lane.ask(get("/hello"))->status, 200);
    std::string all;
    for (int i = 0; i < 90; ++i) all += get("/works");
    greedy.send(all);
    EXPECT_TRUE(eventually([&] { return handling == 1 && server.server().stats().accepted.load() == 3; }));
    modest.send(get("/handling"));
    released = true;
    EXPECT_LT(std::stoi(modest.receive().value().body), 90);
    for (int i = 0; i < 90; ++i) EXPECT_EQ(greedy.receive()->status, 200);
}

TEST(Turn, of_a_crowd_does_not_keep_a_newcomer_waiting_to_be_accepted) {
    RunningServer server{routes()};
    constexpr int crowd = 40, each = 16;
    std::string all;
    for (int i = 0; i < each; ++i) all += get("/works");
    for (int thread = 0; thread < 2; ++thread)
        asio::post(server.io(), [] { EXPECT_TRUE(eventually([] { return released.load(); })); });
    std::list<RawClient> clients;
    for (int i = 0; i < crowd; ++i) clients.emplace_back(server.port()).send(all);
    RawClient newcomer{server.port()};
    newcomer.send(get("/handling"));
    released = true;
    EXPECT_LT(std::stoi(newcomer.receive().value().body), 6 * crowd)
        << "they had a few turns, not one for each of them";
    for (auto& client : clients) client.reset();
}

TEST(TakenOver, the_transport_belongs_to_the_stream_and_so_do_the_bytes_behind_the_request) {
    RunningServer server{routes()};
    RawClient client{server.port()};
    client.send(get("/stream") + get("/hello"));
    EXPECT_EQ(client.rest(), "HTTP/1.1 200 OK\r\n\r\ntaken over" + get("/hello"));
    EXPECT_TRUE(nobody_left(server));
}

TEST(TakenOver, head_of_a_stream_is_its_headers_and_the_connection_goes_on) {
    RunningServer server{routes()};
    RawClient client{server.port()};
    const auto head = client.ask("HEAD /stream HTTP/1.1\r\nHost: localhost\r\n\r\n", true);
    ASSERT_TRUE(head);
    EXPECT_EQ(head->headers.at("content-type"), "text/event-stream");
    EXPECT_FALSE(head->headers.contains("content-length"));
    EXPECT_EQ(client.ask(get("/hello"))->status, 200);
}

TEST(TakenOver, streams_count_into_the_connections) {
    ServerOptions options;
    options.max_connections = 5;
    std::atomic<std::size_t> streams{4};
    RunningServer server{routes(), options, [&] { return streams.load(); }};
    EXPECT_EQ(RawClient{server.port()}.ask(get("/hello"))->status, 200);
    EXPECT_TRUE(nobody_left(server));
    streams = 5;
    EXPECT_EQ(RawClient{server.port()}.ask(get("/hello"))->status, 503);
}

TEST(Stop, closes_idle_connections_and_finishes_requests_in_flight) {
    RunningServer server{routes()};
    RawClient idle{server.port()};
    EXPECT_EQ(idle.ask(get("/hello"))->status, 200);
    RawClient busy{server.port()};
    busy.send(get("/slow") + get("/hello"));
    EXPECT_TRUE(eventually([] { return handling == 1; }));
    EXPECT_TRUE(server.stop());
    EXPECT_TRUE(idle.closed());
    const auto last = busy.receive();
    ASSERT_TRUE(last);
    EXPECT_EQ(last->status, 200);
    EXPECT_EQ(last->headers.at("connection"), "close");
    EXPECT_TRUE(busy.closed());
    EXPECT_THROW(RawClient{server.port()}, std::runtime_error);
}

TEST(Stop, cuts_what_outlasts_the_deadline) {
    RunningServer server{routes()};
    RawClient dripping{server.port()};
    dripping.send("GET /hel");
    RawClient reading_no_more{server.port()};
    EXPECT_EQ(reading_no_more.ask(get("/large"), true)->status, 200);  // its handler is done
    EXPECT_TRUE(eventually([&] { return server.server().stats().open.load() == 2; }));
    EXPECT_TRUE(server.stop(100ms));
    EXPECT_TRUE(dripping.closed());
}

TEST(Stop, tells_of_a_handler_that_hangs) {
    RunningServer server{routes()};
    {
        RawClient client{server.port()};
        client.send(get("/hangs"));
        EXPECT_TRUE(eventually([] { return handling == 1; }));
        EXPECT_FALSE(server.stop(50ms));
        released = true;
    }
    EXPECT_TRUE(nobody_left(server));
}

}  // namespace
}  // namespace stepcast::http
