#pragma once
#include <asio/ip/tcp.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "aio/types.hpp"
#include "base/result.hpp"

namespace stepcast::client {

/// The addresses of a host, found by the system, which takes as long as it likes: a name server that does not
/// answer holds a call up for half a minute, and nothing ends that. So it is made on a thread of its own,
/// which is left alone when the time is over; while one is under way for a host no other is begun for it. One
/// strand.
class Lookup {
  public:
    using Endpoints = std::vector<asio::ip::tcp::endpoint>;
    /// Blocks. Called on a thread that may outlive everything but the process.
    using Find = std::function<result<Endpoints>(const std::string& host, std::uint16_t port)>;

    explicit Lookup(asio::any_io_executor strand, Find find = find_by_system)
        : strand_{std::move(strand)}, find_{std::move(find)} {}

    /// Of an address that is one already: that, at once. `timed_out` at `end`, or when it is cancelled.
    aio::awaitable<result<Endpoints>> find(const std::string& host, std::uint16_t port,
                                           std::chrono::steady_clock::time_point end);
    /// Ends a `find` that waits.
    void cancel();

    static result<Endpoints> find_by_system(const std::string& host, std::uint16_t port);

  private:
    struct Waiter;
    struct Search;
    result<void> begin(const std::string& host, std::uint16_t port);

    asio::any_io_executor strand_;
    Find find_;
    std::shared_ptr<Search> search_;  // of the last name that was no address
};

}  // namespace stepcast::client
