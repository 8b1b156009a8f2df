#pragma once
#include <asio/thread_pool.hpp>
#include <cstdint>

#include "aio/stop.hpp"
#include "app/config/config.hpp"
#include "http/server.hpp"

namespace stepcast::app {

using aio::awaitable;

/// The server's certificate: read at the start, and again whenever its files change. Who is connected by the
/// old one goes on.
class Certificate {
  public:
    using Settings = Config::Server;

    /// Both outlive this.
    Certificate(const Settings& settings, http::Server& server) : settings_{settings}, server_{server} {}

    bool wanted() const { return !settings_.tls_cert.empty(); }
    /// Reads the files, which blocks, and gives the server what they hold. The error's detail is one line for
    /// people.
    result<void> load();
    /// As `load`, for later, on a thread of its own: while the files cannot be used the old certificate
    /// stays, and the log says so. Any thread.
    void reload();
    /// Looks at the files every second until the stop, and reads them again when they changed.
    awaitable<void> watch(aio::Stop& stop);

  private:
    std::uint64_t stamp() const;
    void replace();

    const Settings& settings_;
    http::Server& server_;
    std::uint64_t loaded_ = 0;    // the stamp of what was read last
    asio::thread_pool files_{1};  // reading files blocks
};

}  // namespace stepcast::app
