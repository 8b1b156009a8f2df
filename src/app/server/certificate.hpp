#pragma once
#include <sys/stat.h>

#include <array>
#include <string>

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
    /// Reads the files and gives the server what they hold. The error's detail is one line for people.
    result<void> load();
    /// As `load`, for later: while the files cannot be used the old certificate stays, and the log says so.
    void reload();
    /// Looks at the files every second until the stop, and reads them again when they changed.
    awaitable<void> watch(aio::Stop& stop);

  private:
    /// What tells one version of a file from another.
    struct Version {
        ino_t inode = 0;
        off_t size = 0;
        std::int64_t modified_ns = 0;
        bool operator==(const Version&) const = default;
    };
    using Versions = std::array<Version, 2>;
    Versions look() const;

    const Settings& settings_;
    http::Server& server_;
    Versions loaded_;
};

}  // namespace stepcast::app
