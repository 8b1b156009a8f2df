#pragma once
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <string>
#include <string_view>

#include "aio/types.hpp"
#include "base/result.hpp"
#include "client/url.hpp"

namespace stepcast::client {

/// One TCP connection whose every operation has a time limit. All calls on one strand, one operation at a
/// time; `close` may come in between and makes the running operation fail with `cut`.
class Connection {
  public:
    using Limit = std::chrono::steady_clock::duration;

    explicit Connection(const asio::any_io_executor& strand)
        : socket_{strand}, resolver_{strand}, timer_{strand} {}

    /// Resolves the host and connects to the first address that answers. Closes what was open before.
    aio::awaitable<result<void>> open(const Url& url, Limit limit);
    aio::awaitable<result<void>> write(std::string_view bytes, Limit limit);
    /// The next bytes, valid until the next call; empty when the peer has closed.
    aio::awaitable<result<std::string_view>> read(Limit limit);

    bool is_open() const { return socket_.is_open(); }
    /// True if the peer has closed or sent something unasked: nothing may be written any more.
    bool is_stale();
    void close();

  private:
    asio::ip::tcp::socket socket_;
    asio::ip::tcp::resolver resolver_;
    asio::steady_timer timer_;
    std::string buffer_;
};

}  // namespace stepcast::client
