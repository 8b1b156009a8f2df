#pragma once
#include <asio/thread_pool.hpp>
#include <functional>
#include <string>

#include "aio/stop.hpp"
#include "base/result.hpp"

namespace stepcast::app {

/// Files that may change while the server runs. They are read on a thread of their own, because that blocks.
class FollowedFiles {
  public:
    /// Reads the files, or only if they changed; true if they were read. One call at a time, on that thread.
    using Read = std::function<result<bool>(bool only_if_changed)>;

    /// `what` names them in the log, as "the keys of tokens".
    FollowedFiles(std::string what, Read read) : what_{std::move(what)}, read_{std::move(read)} {}

    /// Looks at them every second until the stop. While they cannot be used what was read before stays,
    /// and the log says so.
    aio::awaitable<void> watch(aio::Stop& stop);
    /// Reads them again, whether they changed or not. Any thread.
    void reload();

  private:
    void read(bool only_if_changed);

    const std::string what_;
    const Read read_;
    asio::thread_pool thread_{1};
};

}  // namespace stepcast::app
