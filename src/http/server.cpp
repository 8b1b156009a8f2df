#include "http/server.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <asio/experimental/as_tuple.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include "aio/spawn.hpp"

namespace stepcast::http {
namespace {

using asio::ip::tcp;
using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto as_tuple = asio::experimental::as_tuple(asio::use_awaitable);
constexpr int backlog = 4096;
/// Beyond the limit, this many are told so with a proper answer; more are dropped, or the refusals would be
/// the overload.
constexpr std::size_t max_refusals = 256;

}  // namespace

Server::Server(asio::io_context& io, const std::vector<broadcast::Lane*>& lanes, const Router& router,
               ServerOptions options)
    : options_{std::move(options)},
      // One request that the limits allow must always fit.
      budgets_{Budget{std::max(options_.max_pending_bytes, 2 * options_.limits.body)},
               Budget{options_.max_pending_bytes}},
      strand_{asio::make_strand(io)},
      acceptor_{strand_},
      gate_{strand_} {
    for (broadcast::Lane* lane : lanes)
        lanes_.push_back(std::make_unique<LaneConnections>(*lane, router, options_, stats_, budgets_));
}

Server::~Server() = default;

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

void Server::start() {
    for (const auto& lane : lanes_) lane->start();
    aio::spawn(strand_, "http listener", [this] { return accept_all(); });
}

awaitable<void> Server::accept_all() {
    const auto hold = gate_.enter();
    auto last_log = steady_clock::time_point{};
    while (!stopping_) {
        const asio::any_io_executor executor{lanes_[next_lane_]->strand()};
        auto [error, socket] = co_await acceptor_.async_accept(executor, as_tuple);
        if (stopping_) break;
        if (!error) {
            place(aio::Transport{std::move(socket)});
            continue;
        }
        stats_.accept_errors.fetch_add(1, std::memory_order_relaxed);
        if (error == asio::error::connection_aborted) continue;
        if (steady_clock::now() - last_log > 1s) {
            spdlog::warn("cannot accept connections: {}", error.message());
            last_log = steady_clock::now();
        }
        co_await aio::pause(100ms);  // out of descriptors: some must close before it is worth trying
    }
}

void Server::place(aio::Transport transport) {
    stats_.accepted.fetch_add(1, std::memory_order_relaxed);
    const std::size_t others = stats_.open.load(std::memory_order_relaxed) + (streams_ ? streams_() : 0);
    Room room = Room::free;
    if (others >= options_.max_connections) {
        room = Room::none;
        // Lanes are filled in turn, so any lane's longest idle is about the longest of all.
        for (std::size_t i = 0; i < lanes_.size() && room == Room::none; ++i) {
            if (lanes_[next_lane_]->idle() != 0)
                room = Room::of_idle;
            else
                next_lane_ = (next_lane_ + 1) % lanes_.size();
        }
        if (room == Room::none && stats_.refusing.load(std::memory_order_relaxed) >= max_refusals) {
            stats_.refused.fetch_add(1, std::memory_order_relaxed);
            return;
        }
    }
    lanes_[next_lane_]->adopt(std::move(transport), room);
    next_lane_ = (next_lane_ + 1) % lanes_.size();
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
