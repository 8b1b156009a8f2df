#pragma once
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "aio/tls_trust.hpp"
#include "aio/transport.hpp"
#include "aio/types.hpp"
#include "base/result.hpp"
#include "client/lookup.hpp"
#include "client/url.hpp"

namespace stepcast::client {

/// Whose certificates are believed where a URL is https; null: nobody's, so that those cannot be reached.
using Trust = std::shared_ptr<const aio::TlsTrust>;
/// Whether an address may be connected to; null: any. Asked of what was looked up, and of an address that
/// stands in the URL, so that what is connected to is what was judged.
using Allows = bool (*)(const asio::ip::address& address);

/// One connection whose every operation has a time limit: plain, or by TLS, as its URL says. All calls on one
/// strand, one operation at a time; `close` may come in between and makes the running operation fail.
class Connection {
  public:
    using Limit = std::chrono::steady_clock::duration;

    explicit Connection(const asio::any_io_executor& strand, Trust trust = nullptr,
                        Lookup::Find find = Lookup::find_by_system, Allows allows = nullptr)
        : trust_{std::move(trust)},
          allows_{allows},
          socket_{strand},
          lookup_{strand, std::move(find)},
          timer_{strand} {}

    /// Resolves the host, connects to the first address that is allowed and answers, and shakes hands for
    /// https. `insecure`: the server was reached, and is not the one that it should be. `forbidden`: no
    /// address is allowed, nothing was sent anywhere. Closes what was open before.
    aio::awaitable<result<void>> open(const Url& url, Limit limit);
    aio::awaitable<result<void>> write(std::string_view bytes, Limit limit);
    /// The next bytes, valid until the next call; empty when the peer has closed. A connection that ends
    /// without the peer's word, or behind TLS without its close_notify, was `cut`.
    aio::awaitable<result<std::string_view>> read(Limit limit);

    bool is_open() const { return transport_.has_value(); }
    /// True if the peer has closed or sent something unasked: nothing may be written any more.
    bool is_stale();
    void close();

  private:
    using Deadline = std::chrono::steady_clock::time_point;

    aio::awaitable<result<void>> connect(const Url& url, Deadline end);
    aio::awaitable<result<void>> connect_locally(const Url& url);
    aio::awaitable<result<void>> secure(const Url& url, Deadline end);
    aio::awaitable<result<void>> wait(aio::Transport::Wait what, Deadline end);

    Trust trust_;
    const Allows allows_;
    aio::Transport::Tcp socket_;  // while it connects
    std::optional<aio::Transport> transport_;
    Lookup lookup_;
    asio::steady_timer timer_;
    std::string buffer_;
};

}  // namespace stepcast::client
