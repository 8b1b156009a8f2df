#pragma once
#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "aio/gate.hpp"
#include "aio/tls.hpp"
#include "http/lane_connections.hpp"

namespace stepcast::http {

/// Listens, and deals the connections out to the lanes in turn. Destroyed after `stop` returned (or before
/// `start`), and before the lanes.
class Server {
  public:
    /// `router` and the lanes outlive the server.
    Server(asio::io_context& io, const std::vector<broadcast::Lane*>& lanes, const Router& router,
           ServerOptions options);
    ~Server();

    /// Binds; clients may connect from here on and wait. `host` is an address or a name, port 0 takes a free
    /// one. The error's detail is one line for people. Before `start`.
    result<asio::ip::tcp::endpoint> listen(const std::string& host, std::uint16_t port);

    /// Listens on a local socket of that path as well, for a proxy on this machine; TLS is not spoken there.
    /// Its owner and group may connect. A socket there that nobody answers at is replaced. Before `start`.
    result<void> listen_locally(const std::string& path);

    /// Speaks TLS by this certificate to whoever connects from here on; who is connected goes on as before.
    /// Any thread.
    void secure(std::shared_ptr<const aio::TlsCertificate> certificate);

    /// Begins to accept.
    void start();

    /// How many sockets live outside of the server, taken over by streams: they count into `max_connections`.
    /// Called on any thread. Before `start`.
    void count_streams(std::function<std::size_t()> count) { streams_ = std::move(count); }

    /// Stops accepting, closes idle connections, lets requests in flight finish for at most `limit`, then
    /// cuts the rest. True if nothing runs any more; false if a handler hangs. Any executor.
    awaitable<bool> stop(std::chrono::steady_clock::duration limit);

    const ServerStats& stats() const { return stats_; }
    /// Connections without a request; a moment ago.
    std::size_t idle() const;
    const Budgets& budgets() const { return budgets_; }

  private:
    void leave_path();
    template <class Acceptor>
    awaitable<void> accept_all(Acceptor& acceptor);
    template <class Acceptor>
    asio::error_code accept_waiting(Acceptor& acceptor);
    aio::Transport welcome(aio::Transport::Tcp socket) const;
    aio::Transport welcome(aio::Transport::Local socket) const;
    template <class Socket>
    void place(Socket socket, std::size_t lane);
    asio::any_io_executor executor_of(std::size_t lane) const;

    const ServerOptions options_;
    ServerStats stats_;
    Budgets budgets_;
    aio::Strand strand_;
    asio::ip::tcp::acceptor acceptor_;
    asio::local::stream_protocol::acceptor local_acceptor_;
    std::string local_path_;  ///< empty: none, or not ours any more
    std::vector<std::unique_ptr<LaneConnections>> lanes_;
    std::function<std::size_t()> streams_;
    std::shared_ptr<const aio::TlsCertificate> certificate_;  ///< null: plain
    std::size_t next_lane_ = 0;
    bool stopping_ = false;
    aio::Gate gate_;
};

}  // namespace stepcast::http
