#include "http/server.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <asio/post.hpp>

#include "aio/as_tuple.hpp"
#include "aio/spawn.hpp"

namespace stepcast::http {
namespace {

using asio::ip::tcp;
using std::chrono::steady_clock;
using namespace std::chrono_literals;

using aio::as_tuple;
constexpr int backlog = 4096;
/// Connections that are accepted in one turn of the listener, some 10 us each.
constexpr int max_accepts = 64;

/// Its client was gone before it was accepted; the next one may be there.
bool was_aborted(const asio::error_code& error) {
    return error == asio::error::connection_aborted || error == std::errc::protocol_error;
}

/// The same connection on another strand.
template <class Socket>
Socket moved(Socket socket, const asio::any_io_executor& executor) {
    asio::error_code error;
    const auto protocol = socket.local_endpoint(error).protocol();
    Socket other{executor};
    const auto descriptor = socket.release(error);
    if (!error) other.assign(protocol, descriptor, error);
    return other;
}

}  // namespace

Server::Server(asio::io_context& io, const std::vector<broadcast::Lane*>& lanes, const Router& router,
               ServerOptions options)
    : options_{std::move(options)},
      // One request that the limits allow must always fit.
      budgets_{std::make_shared<Budget>(std::max(options_.max_pending_bytes, 2 * options_.limits.body)),
               Budget{options_.max_pending_bytes}},
      strand_{asio::make_strand(io)},
      acceptor_{strand_},
      local_acceptor_{strand_},
      gate_{strand_} {
    for (broadcast::Lane* lane : lanes)
        lanes_.push_back(std::make_unique<LaneConnections>(*lane, router, options_, stats_, budgets_));
}

Server::~Server() {
    leave_path();
}

// While nobody else can have taken it: a successor replaces a socket at which nobody answers.
void Server::leave_path() {
    if (!local_path_.empty()) ::unlink(std::exchange(local_path_, {}).c_str());
}

result<tcp::endpoint> Server::listen(const std::string& host, std::uint16_t port) {
    asio::error_code error;
    tcp::resolver resolver{strand_};
    const auto found = resolver.resolve(host, std::to_string(port), tcp::resolver::passive, error);
    if (error || found.empty())
        return fail(error, "server.host", fmt::format("cannot find host {}: {}", host, error.message()));
    const tcp::endpoint endpoint = *found.begin();
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address{true}, error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(backlog, error);
    if (!error) return acceptor_.local_endpoint();
    asio::error_code ignored;
    acceptor_.close(ignored);
    return fail(error, "server.port", fmt::format("cannot listen on {}:{}: {}", host, port, error.message()));
}

result<void> Server::listen_locally(const std::string& path) {
    using local = asio::local::stream_protocol;
    const auto failed = [&](const asio::error_code& why) {
        return fail(why, "server.unix_socket", fmt::format("cannot listen at {}: {}", path, why.message()));
    };
    if (path.size() >= sizeof(sockaddr_un::sun_path))
        return failed(make_error_code(std::errc::filename_too_long));
    asio::error_code error;
    local::socket other{strand_};
    other.connect(local::endpoint{path}, error);
    if (!error) return failed(asio::error::address_in_use);
    // Only a socket that a server left behind, never a file.
    struct stat found{};
    if (error == asio::error::connection_refused && ::lstat(path.c_str(), &found) == 0 &&
        S_ISSOCK(found.st_mode))
        ::unlink(path.c_str());
    local_acceptor_.open(local{}, error);
    if (!error) local_acceptor_.bind(local::endpoint{path}, error);
    if (error) return failed(error);
    local_path_ = path;
    // Before it listens: nobody else gets in meanwhile.
    if (::chmod(path.c_str(), S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP) != 0)
        return failed({errno, asio::error::get_system_category()});
    local_acceptor_.listen(backlog, error);
    if (error) return failed(error);
    return {};
}

void Server::secure(std::shared_ptr<const aio::TlsCertificate> certificate) {
    asio::post(strand_, [this, certificate = std::move(certificate)]() mutable {
        certificate_ = std::move(certificate);
    });
}

void Server::start() {
    for (const auto& lane : lanes_) lane->start();
    aio::spawn(strand_, "http listener", [this] { return accept_all(acceptor_); });
    if (!local_path_.empty())
        aio::spawn(strand_, "local http listener", [this] { return accept_all(local_acceptor_); });
}

asio::any_io_executor Server::executor_of(std::size_t lane) const {
    return lanes_[lane]->strand();
}

aio::Transport Server::welcome(aio::Transport::Tcp socket) const {
    aio::Transport transport{std::move(socket)};
    if (certificate_) transport.secure(*certificate_, budgets_.received);
    return transport;
}

aio::Transport Server::welcome(aio::Transport::Local socket) const {
    return aio::Transport{std::move(socket)};
}

template <class Acceptor>
awaitable<void> Server::accept_all(Acceptor& acceptor) {
    const auto hold = gate_.enter();
    auto last_log = steady_clock::time_point{};
    asio::error_code ignored;
    acceptor.non_blocking(true, ignored);
    // Otherwise `accept` waits for the next connection, and holds this thread.
    acceptor.set_option(asio::socket_base::enable_connection_aborted{true}, ignored);
    while (!stopping_) {
        const std::size_t lane = next_lane_;
        auto [error, socket] = co_await acceptor.async_accept(executor_of(lane), as_tuple);
        if (stopping_) break;
        if (!error) {
            place(std::move(socket), lane);
            error = accept_waiting(acceptor);
            if (!error || error == asio::error::would_block) continue;
        }
        stats_.accept_errors.fetch_add(1, std::memory_order_relaxed);
        if (was_aborted(error)) continue;
        if (steady_clock::now() - last_log > 1s) {
            spdlog::warn("cannot accept connections: {}", error.message());
            last_log = steady_clock::now();
        }
        co_await aio::pause(100ms);  // out of descriptors: some must close before it is worth trying
    }
}

/// Takes what has come meanwhile, too: one in a turn, and whoever comes behind a crowd of connections that
/// keep the lanes busy would wait for as many turns of them all. The error that ended it, if one did.
template <class Acceptor>
asio::error_code Server::accept_waiting(Acceptor& acceptor) {
    asio::error_code error;
    for (int i = 1; i < max_accepts; ++i) {
        const std::size_t lane = next_lane_;
        auto socket = acceptor.accept(executor_of(lane), error);
        if (!error) {
            place(std::move(socket), lane);
        } else if (was_aborted(error)) {
            stats_.accept_errors.fetch_add(1, std::memory_order_relaxed);
            error.clear();
        } else {
            break;
        }
    }
    return error;
}

template <class Socket>
void Server::place(Socket socket, std::size_t lane) {
    next_lane_ = (lane + 1) % lanes_.size();
    stats_.accepted.fetch_add(1, std::memory_order_relaxed);
    const std::size_t others = stats_.open.load(std::memory_order_relaxed) + (streams_ ? streams_() : 0);
    Room room = Room::free;
    if (others >= options_.max_connections) {
        room = Room::none;
        // Lanes are filled in turn, so any lane's longest idle is about the longest of all.
        for (std::size_t i = 0; i < lanes_.size() && room == Room::none; ++i) {
            const std::size_t other = (lane + i) % lanes_.size();
            if (lanes_[other]->idle() == 0) continue;
            room = Room::of_idle;
            // What the transport does by itself has to run on the strand of whoever uses it.
            if (other != lane) socket = moved(std::move(socket), executor_of(other));
            lane = other;
        }
        if (room == Room::none && stats_.refusing.load(std::memory_order_relaxed) >= max_refusals) {
            stats_.refused.fetch_add(1, std::memory_order_relaxed);
            return;
        }
    }
    lanes_[lane]->adopt(welcome(std::move(socket)), room);
}

std::size_t Server::idle() const {
    std::size_t count = 0;
    for (const auto& lane : lanes_) count += lane->idle();
    return count;
}

awaitable<bool> Server::stop(steady_clock::duration limit) {
    const auto deadline = steady_clock::now() + limit;
    co_await aio::run_on(strand_, [this]() -> awaitable<void> {
        stopping_ = true;
        asio::error_code ignored;
        acceptor_.close(ignored);
        local_acceptor_.close(ignored);
        leave_path();
        co_await gate_.close();
    });
    for (const auto& lane : lanes_)
        asio::post(lane->strand(), [&connections = *lane] { connections.begin_stop(); });
    bool gone = true;
    for (const auto& lane : lanes_) {
        const bool emptied =
            co_await aio::run_on(lane->strand(), [&] { return lane->finish_stop(deadline); });
        gone = gone && emptied;
    }
    if (!gone) spdlog::warn("a request was still being answered when the server stopped");
    co_return gone;
}

}  // namespace stepcast::http
