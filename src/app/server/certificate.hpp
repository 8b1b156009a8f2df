#pragma once
#include <cstdint>

#include "app/config/config.hpp"
#include "app/server/followed_files.hpp"
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
    FollowedFiles& files() { return files_; }

  private:
    std::uint64_t stamp() const;

    const Settings& settings_;
    http::Server& server_;
    std::uint64_t loaded_ = 0;  // the stamp of what was read last
    FollowedFiles files_{"the certificate and its key", [this](bool only_if_changed) -> result<bool> {
                             if (only_if_changed && stamp() == loaded_) return false;
                             return load().map([] { return true; });
                         }};
};

}  // namespace stepcast::app
