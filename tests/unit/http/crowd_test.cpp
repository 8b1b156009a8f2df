// Connections that are accepted together: at the limit of them, and with some that are gone already.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <asio/post.hpp>
#include <atomic>
#include <cerrno>
#include <memory>
#include <vector>

#include "broadcast/lane.hpp"
#include "unit/http/raw_client.hpp"
#include "unit/http/running_server.hpp"

namespace {
std::atomic<int> accepts_until_abort{0};  ///< the last of so many is told that its client is gone; 0: none is
}

// In place of the C library's, because no client can bring that about on Linux.
extern "C" int accept(int listener, sockaddr* address, socklen_t* size) {
    const int accepted = ::accept4(listener, address, size, 0);
    if (accepted < 0 || accepts_until_abort == 0 || --accepts_until_abort != 0) return accepted;
    ::close(accepted);
    errno = ECONNABORTED;
    return -1;
}

namespace stepcast::http {
namespace {

using namespace std::chrono_literals;

std::vector<Route> hello() {
    return {{Method::get, "/hello",
             [](Request&, Context) -> awaitable<Response> { co_return Response::json("{}"); }}};
}

/// Keeps a strand, and one thread of the server, until it is let go.
class Hold {
  public:
    explicit Hold(const aio::Strand& strand) {
        asio::post(strand, [state = state_] {
            state->held = true;
            EXPECT_TRUE(eventually([&] { return state->over.load(); }));
        });
        EXPECT_TRUE(eventually([&] { return state_->held.load(); }));
    }
    ~Hold() { release(); }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    void release() { state_->over = true; }

  private:
    struct State {
        std::atomic<bool> held{false}, over{false};
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

TEST(Crowd, beyond_the_limit_takes_the_places_of_those_of_it_that_came_first) {
    for (const std::size_t limit : {1u, 3u}) {
        ServerOptions options;
        options.max_connections = limit;
        RunningServer server{hello(), options};
        std::vector<std::unique_ptr<RawClient>> clients;
        const std::size_t crowd = limit + 2;
        {
            // None of it is on its lane before all are accepted, by this thread.
            const Hold first{server.lane(0).strand()}, second{server.lane(1).strand()};
            for (std::size_t i = 0; i < crowd; ++i)
                clients.push_back(std::make_unique<RawClient>(server.port()));
            while (server.server().stats().accepted.load() < crowd)
                ASSERT_NE(server.io().run_one_for(5s), 0u);
        }
        for (std::size_t i = 0; i < crowd; ++i) {
            SCOPED_TRACE(i);
            if (i < crowd - limit) {
                EXPECT_TRUE(clients[i]->closed());
                continue;
            }
            const auto answer = clients[i]->ask(get("/hello"));
            ASSERT_TRUE(answer);
            EXPECT_EQ(answer->status, 200);
        }
        EXPECT_EQ(server.server().stats().refused.load(), 0u);
        EXPECT_EQ(server.server().stats().evicted.load(), crowd - limit);
    }
}

TEST(Crowd, one_that_finds_nobody_idle_any_more_is_none_of_the_open_ones) {
    ServerOptions options;
    options.max_connections = 1;
    RunningServer server{hello(), options};
    Hold lane{server.lane(0).strand()};
    RawClient asks{server.port()};
    asks.send(get("/hello"));
    EXPECT_TRUE(eventually([&] { return server.server().stats().open.load() == 1; }));
    EXPECT_EQ(server.server().idle(), 1u) << "on its way";
    RawClient beyond{server.port()};
    EXPECT_TRUE(eventually([&] { return server.server().stats().open.load() == 2; }));
    lane.release();
    EXPECT_EQ(asks.receive()->status, 200);
    EXPECT_TRUE(eventually([&] { return server.server().stats().refusing.load() == 1; }));
    EXPECT_TRUE(eventually([&] { return server.server().stats().open.load() == 1; }));
    EXPECT_EQ(server.server().stats().refused.load(), 1u);
    EXPECT_EQ(beyond.ask(get("/hello"))->status, 503);
}

TEST(Crowd, of_which_one_is_gone_keeps_nobody_waiting) {
    for (const int gone : {1, 2, 4}) {
        RunningServer server{hello()};
        std::vector<std::unique_ptr<RawClient>> clients;
        {
            const Hold first{server.lane(0).strand()}, second{server.lane(1).strand()};
            for (int i = 0; i < 4; ++i) clients.push_back(std::make_unique<RawClient>(server.port()));
            accepts_until_abort = gone;
        }
        EXPECT_TRUE(clients[static_cast<std::size_t>(gone) - 1]->closed());
        EXPECT_TRUE(eventually([&] { return server.server().stats().accepted.load() == 3; }));
        EXPECT_TRUE(eventually([&] { return server.server().stats().accept_errors.load() == 1; }));
        EXPECT_EQ(RawClient{server.port()}.ask(get("/hello"))->status, 200);
    }
}

}  // namespace
}  // namespace stepcast::http
