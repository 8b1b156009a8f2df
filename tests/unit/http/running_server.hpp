#pragma once
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <functional>
#include <thread>
#include <vector>

#include "broadcast/broadcaster.hpp"
#include "http/server.hpp"

namespace stepcast::http {

/// A server with two lanes on two threads and a free port, stopped and checked for leftovers at its end.
class RunningServer {
  public:
    explicit RunningServer(std::vector<Route> routes, ServerOptions options = {},
                           std::function<std::size_t()> streams = {});
    ~RunningServer();

    std::uint16_t port() const { return port_; }
    Server& server() { return server_; }
    Router& router() { return router_; }
    asio::io_context& io() { return io_; }
    broadcast::Lane& lane(std::size_t index) { return broadcaster_.lane(index); }
    /// Stops the server and waits for it, once. True if nothing was left.
    bool stop(std::chrono::milliseconds limit = std::chrono::seconds{5});

  private:
    asio::io_context io_;
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    broadcast::Broadcaster broadcaster_;
    Router router_;
    Server server_;
    std::uint16_t port_ = 0;
    bool stopped_ = false;
    std::vector<std::thread> threads_;
};

/// Waits until `condition` holds; false after 60 s.
bool eventually(const std::function<bool()>& condition);

}  // namespace stepcast::http
