// Answers that are lists of events, and what all connections together may hold.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <mutex>

#include "aio/notice.hpp"
#include "http/paging.hpp"
#include "unit/broadcast/events.hpp"
#include "unit/http/raw_client.hpp"
#include "unit/http/running_server.hpp"

namespace stepcast::http {
namespace {

using namespace std::chrono_literals;
using testing::make_event;

std::string bytes_of(std::span<iovec> parts) {
    std::string out;
    for (const iovec& part : parts) out.append(static_cast<const char*>(part.iov_base), part.iov_len);
    return out;
}

/// What a writer gives in steps of `step` bytes, for pages of one, two and one event.
std::string written(bool chunked, std::size_t step) {
    ListWriter writer{"HEAD\r\n\r\n", chunked};
    std::string out;
    event::Position position = 0;
    for (const std::size_t size : {1, 2, 1}) {
        ListPage page;
        for (std::size_t i = 0; i < size; ++i) page.events.push_back(make_event(++position));
        page.last = position == 4;
        writer.put(std::move(page));
        for (std::string left; !(left = bytes_of(writer.parts())).empty();) {
            out += left.substr(0, step);
            writer.took(std::min(step, left.size()));
        }
    }
    return out;
}

TEST(ListWriter, gives_the_same_bytes_however_they_are_taken) {
    std::vector<std::string> json;
    for (event::Position p = 1; p <= 4; ++p) json.emplace_back(make_event(p)->json());
    const std::string bare = fmt::format("HEAD\r\n\r\n[{}]", fmt::join(json, ","));
    const std::string first = "[" + json[0], second = "," + json[1] + "," + json[2],
                      third = "," + json[3] + "]";
    const std::string chunked = fmt::format("HEAD\r\n\r\n{:x}\r\n{}\r\n{:x}\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n",
                                            first.size(), first, second.size(), second, third.size(), third);
    for (const std::size_t step : {1, 2, 3, 7, 50, 10'000}) {
        EXPECT_EQ(written(false, step), bare);
        EXPECT_EQ(written(true, step), chunked);
    }
}

/// A list whose events can expire while it is read.
class Shelf {
  public:
    explicit Shelf(std::size_t count, std::size_t size = 1000) {
        for (event::Position p = 1; p <= count; ++p)
            events_.push_back(make_event(p, "t", "u", event::Lifecycle::neutral, size));
    }

    Route route() {
        return {Method::get, "/list", [this](Request& request, Context) -> awaitable<Response> {
                    const auto slice = slice_of(request, 10'000);
                    auto first = read(slice->from, std::min(slice->limit, list_read_events));
                    co_return co_await answer_list(
                        {[this](std::uint64_t from, std::size_t limit) -> awaitable<std::optional<ListRead>> {
                             co_return read(from, limit);
                         },
                         [](const event::Event& event) { return std::uint64_t{event.position()}; }},
                        std::move(first), *slice,
                        [&](auto from) { return next_link(request, {}, from, slice->limit); });
                }};
    }
    ListRead read(std::uint64_t from, std::size_t limit) {
        const std::lock_guard lock{mutex_};
        ListRead out;
        for (const auto& event : events_) {
            if (event->position() < from || event->position() <= expired_) continue;
            if ((out.more = out.events.size() == limit)) break;
            out.events.push_back(event);
        }
        given_ += out.events.size();
        return out;
    }
    void expire(event::Position through) {
        const std::lock_guard lock{mutex_};
        expired_ = through;
    }
    std::string json(std::size_t from, std::size_t to) const {
        std::vector<std::string_view> all;
        for (std::size_t i = from; i <= to; ++i) all.push_back(events_[i - 1]->json());
        return fmt::format("[{}]", fmt::join(all, ","));
    }
    std::size_t given() const { return given_; }

  private:
    mutable std::mutex mutex_;
    std::vector<event::EventRef> events_;
    event::Position expired_ = 0;
    std::atomic<std::size_t> given_{0};  ///< events, by all reads
};

constexpr std::size_t many = 10'000;  // of a kilobyte: far more than sockets buffer

std::size_t unsent(RunningServer& server) {
    return server.server().budgets().unsent.held();
}

TEST(List, a_short_one_is_whole_and_says_how_it_goes_on) {
    Shelf shelf{10};
    RunningServer server{{shelf.route()}};
    RawClient client{server.port()};
    const auto all = client.ask(get("/list"));
    EXPECT_EQ(all->body, shelf.json(1, 10));
    EXPECT_EQ(all->headers.count("link"), 0u);
    EXPECT_EQ(all->headers.at("content-length"), std::to_string(all->body.size()));
    const auto some = client.ask(get("/list?from=3&limit=4"));
    EXPECT_EQ(some->body, shelf.json(3, 6));
    EXPECT_EQ(some->headers.at("link"), "</list?from=7&limit=4>; rel=\"next\"");
    EXPECT_EQ(client.ask(get("/list?from=11"))->body, "[]");
    EXPECT_EQ(client.ask(get("/list?from=8&limit=3"))->headers.count("link"), 0u);
}

TEST(List, a_long_one_is_read_as_its_client_takes_it) {
    Shelf shelf{many};
    RunningServer server{{shelf.route()}};
    RawClient client{server.port()};
    client.send(get("/list"));
    ASSERT_TRUE(eventually([&] { return unsent(server) != 0; }));
    EXPECT_EQ(RawClient{server.port()}.ask(get("/list?limit=1"))->body, shelf.json(1, 1));
    EXPECT_LT(shelf.given(), 2 * many) << "counted, and the first pages of it read";
    EXPECT_LE(unsent(server), 2 * list_page_bytes);
    const auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->headers.at("transfer-encoding"), "chunked");
    EXPECT_EQ(answer->body, shelf.json(1, many));
    const auto part = client.ask(get("/list?from=2&limit=5000"));
    EXPECT_EQ(part->body, shelf.json(2, 5001));
    EXPECT_EQ(part->headers.at("link"), "</list?from=5002&limit=5000>; rel=\"next\"");
    EXPECT_TRUE(eventually([&] { return unsent(server) == 0; }));
}

TEST(List, an_event_longer_than_a_page_has_a_page_of_its_own) {
    Shelf shelf{20, 50'000};
    RunningServer server{{shelf.route()}};
    EXPECT_EQ(RawClient{server.port()}.ask(get("/list"))->body, shelf.json(1, 20));
}

TEST(List, http_1_0_is_given_it_up_to_the_close) {
    Shelf shelf{many};
    RunningServer server{{shelf.route()}};
    RawClient client{server.port()};
    client.send("GET /list HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const auto head = client.receive();
    EXPECT_EQ(head->headers.count("transfer-encoding") + head->headers.count("content-length"), 0u);
    EXPECT_EQ(head->headers.at("connection"), "close");
    EXPECT_EQ(client.rest(), shelf.json(1, many));
}

TEST(List, head_is_told_how_it_would_come) {
    Shelf shelf{many};
    RunningServer server{{shelf.route()}};
    RawClient client{server.port()};
    const auto head = client.ask("HEAD /list?limit=9999 HTTP/1.1\r\nHost: localhost\r\n\r\n", true);
    EXPECT_EQ(head->headers.at("transfer-encoding"), "chunked");
    EXPECT_EQ(head->headers.count("link"), 1u);
    EXPECT_EQ(client.ask(get("/list?limit=1"))->status, 200);
    EXPECT_EQ(unsent(server), 0u);
}

TEST(List, what_expires_meanwhile_leaves_an_answer_that_does_not_look_whole) {
    Shelf shelf{many};
    RunningServer server{{shelf.route()}};
    for (const auto* version : {"1.0", "1.1"}) {
        shelf.expire(0);
        RawClient client{server.port()};
        client.send(std::string{"GET /list HTTP/"} + version + "\r\nHost: localhost\r\n\r\n");
        ASSERT_TRUE(eventually([&] { return unsent(server) != 0; }));
        shelf.expire(many - 10);
        const std::string all = client.rest();
        EXPECT_FALSE(all.ends_with("]")) << version;
        EXPECT_FALSE(all.ends_with("0\r\n\r\n")) << version;
        EXPECT_TRUE(client.was_reset()) << version;
        EXPECT_TRUE(eventually([&] { return unsent(server) == 0; }));
    }
}

TEST(List, one_that_a_slow_client_or_the_stop_ends_does_not_look_whole) {
    Shelf shelf{many};
    ServerOptions options;
    for (const bool stop : {false, true}) {
        options.write_timeout = stop ? 1h : 100ms;
        RunningServer server{{shelf.route()}, options};
        RawClient client{server.port()};
        client.send("GET /list HTTP/1.0\r\n\r\n");
        ASSERT_TRUE(eventually([&] { return unsent(server) != 0; }));
        if (stop)
            EXPECT_TRUE(server.stop(50ms));
        else
            EXPECT_TRUE(eventually([&] { return server.server().stats().open.load() == 0; }));
        EXPECT_FALSE(client.rest().ends_with("]"));
        EXPECT_TRUE(client.was_reset());
    }
}

/// Far more than sockets buffer, with a pause before its end.
struct Pausing final : ListSource {
    struct Pause {
        std::atomic<bool> begun{false}, over{false};
    };
    explicit Pausing(Pause& its) : pause{its} {}
    awaitable<std::optional<ListPage>> next() override {
        ListPage page{.events = {make_event(++given, "t", "u", event::Lifecycle::neutral, 10'000)}};
        if ((page.last = given == 1000)) {
            pause.begun = true;
            while (!pause.over) co_await aio::pause(1ms);
        }
        co_return page;
    }
    Pause& pause;
    event::Position given = 0;
};

TEST(List, one_that_takes_long_to_be_read_is_not_held_against_its_client) {
    ServerOptions options;
    options.write_timeout = 1s;
    Pausing::Pause pause;
    const auto list = [&pause](Request&, Context) -> awaitable<Response> {
        Response response;
        response.list = std::make_unique<Pausing>(pause);
        co_return response;
    };
    const auto large = [](Request&, Context) -> awaitable<Response> {
        co_return Response::json(std::string(50'000'000, 'x'));
    };
    RunningServer server{{{Method::get, "/list", list}, {Method::get, "/large", large}}, options};
    RawClient client{server.port()}, on_the_other_lane{server.port()}, takes_nothing{server.port()};
    client.send(get("/list"));
    auto answer = std::async(std::launch::async, [&] { return client.receive(); });
    EXPECT_TRUE(eventually([&] { return pause.begun.load(); }));
    // Whose time began later on the same lane is over: that of the list would be as well.
    takes_nothing.send(get("/large"));
    EXPECT_TRUE(eventually([&] { return server.server().stats().open.load() == 2; }));
    pause.over = true;
    EXPECT_TRUE(answer.get());
    EXPECT_TRUE(client.ask(get("/list"))) << "the connection goes on";
}

TEST(PendingBytes, of_answers_are_bounded_over_all_connections) {
    Shelf shelf{many};
    ServerOptions options;
    options.max_pending_bytes = 3 * list_page_bytes;
    RunningServer server{{shelf.route()}, options};
    std::vector<std::unique_ptr<RawClient>> slow;
    for (std::size_t i = 1; i <= 3; ++i) {
        slow.push_back(std::make_unique<RawClient>(server.port()));
        slow.back()->send(get("/list"));
        ASSERT_TRUE(eventually([&] { return unsent(server) == i * list_page_bytes; }));
    }
    RawClient beyond{server.port()};
    const auto refused = beyond.ask(get("/list"));
    EXPECT_EQ(refused->status, 503);
    EXPECT_NE(refused->body.find("\"code\":\"busy\""), std::string::npos);
    EXPECT_TRUE(refused->headers.contains("retry-after"));
    EXPECT_EQ(refused->headers.at("connection"), "close");
    EXPECT_EQ(RawClient{server.port()}.ask(get("/list?limit=2"))->status, 200)
        << "short ones wait for nobody";
    slow[0]->reset();
    ASSERT_TRUE(eventually([&] { return unsent(server) == 2 * list_page_bytes; }));
    EXPECT_EQ(RawClient{server.port()}.ask(get("/list"))->body, shelf.json(1, many));
    for (std::size_t i : {1, 2}) EXPECT_EQ(slow[i]->receive()->body, shelf.json(1, many));
}

TEST(PendingBytes, of_requests_are_bounded_over_all_connections) {
    ServerOptions options;
    options.limits.body = 100'000;
    options.max_pending_bytes = 200'000;
    RunningServer server{
        {{Method::post, "/echo",
          [](Request& request, Context) -> awaitable<Response> { co_return Response::json(request.body); }}},
        options};
    const auto received = [&] { return server.server().budgets().received->held(); };
    const std::string whole = post("/echo", std::string(90'000, 'x'));
    const std::string half = whole.substr(0, whole.size() - 1);
    RawClient first{server.port()}, second{server.port()};
    first.send(half);
    ASSERT_TRUE(eventually([&] { return received() == half.size(); }));
    second.send(half);
    ASSERT_TRUE(eventually([&] { return received() == 2 * half.size(); }));
    RawClient beyond{server.port()};
    const auto refused = beyond.ask(half);
    EXPECT_EQ(refused->status, 503);
    EXPECT_TRUE(refused->headers.contains("retry-after"));
    EXPECT_EQ(refused->headers.at("connection"), "close");
    EXPECT_EQ(RawClient{server.port()}.ask(post("/echo", "small"))->body, "small");
    first.send("x");
    EXPECT_EQ(first.receive()->body.size(), 90'000u);
    second.reset();
    ASSERT_TRUE(eventually([&] { return received() == 0; }));
    EXPECT_EQ(RawClient{server.port()}.ask(whole)->status, 200);
}

}  // namespace
}  // namespace stepcast::http
