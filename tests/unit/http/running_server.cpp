#include "unit/http/running_server.hpp"

#include <gtest/gtest.h>

#include <asio/co_spawn.hpp>
#include <asio/use_future.hpp>

namespace stepcast::http {
namespace {

using namespace std::chrono_literals;

awaitable<broadcast::Missed> none_missed(event::Position, std::size_t) {
    co_return broadcast::Missed{};
}

}  // namespace

RunningServer::RunningServer(std::vector<Route> routes, ServerOptions options,
                             std::function<std::size_t()> streams)
    : work_{asio::make_work_guard(io_)},
      broadcaster_{io_, {.lanes = 2}, none_missed},
      router_{options},
      server_{io_, {&broadcaster_.lane(0), &broadcaster_.lane(1)}, router_, options} {
    router_.add(std::move(routes));
    port_ = server_.listen("127.0.0.1", 0).value().port();
    if (streams) server_.count_streams(std::move(streams));
    server_.start();
    for (int i = 0; i < 2; ++i) threads_.emplace_back([this] { io_.run(); });
}

RunningServer::~RunningServer() {
    EXPECT_TRUE(stop());
    EXPECT_EQ(server_.stats().open.load(), 0u);
    asio::co_spawn(io_, broadcaster_.drain(1s, 1s, 1s), asio::use_future).get();
    work_.reset();
    for (auto& thread : threads_) thread.join();
}

bool RunningServer::stop(std::chrono::milliseconds limit) {
    if (std::exchange(stopped_, true)) return true;
    return asio::co_spawn(io_, server_.stop(limit), asio::use_future).get();
}

bool eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(1ms);
    }
    return true;
}

}  // namespace stepcast::http
