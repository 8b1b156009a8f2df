#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <list>
#include <mutex>
#include <string_view>
#include <unordered_map>

namespace stepcast::http {

/// What a client may be held to: the first two by how many at once, the others by how many a second.
enum class Limited : std::uint8_t { connections, streams, requests, events, bytes };
inline constexpr std::size_t limited_count = 5, held_count = 2, rate_count = 3;
inline constexpr std::string_view limited_names[]{"connections", "streams", "requests", "events", "bytes"};

/// By `Limited`; 0: no bound.
using ClientBounds = std::array<std::uint64_t, limited_count>;

/// What each client holds and has used up, by a 64-bit name for it. Any thread: each call locks one of a few
/// shards for a moment.
///
/// A rate is a bucket that fills by itself, up to what two seconds bring. Who has anything left may go on,
/// and what that costs is taken off even if it is more than is left: an answer or an array of events is told
/// its size too late to be cut, and the client pays by waiting longer. Memory is bounded: of those who hold
/// nothing the one that was longest not heard of is forgotten for a new one.
class ClientTable {
  public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::size_t most_clients = 65'536;

    explicit ClientTable(const ClientBounds& bounds, std::size_t most = most_clients);

    /// Anything is bounded.
    bool on() const { return on_; }
    bool bounds(Limited what) const { return bounds_[static_cast<std::size_t>(what)] != 0; }
    std::uint64_t bound(Limited what) const { return bounds_[static_cast<std::size_t>(what)]; }

    /// One more that the client holds at once. False, and counted, if it holds as many as it may.
    bool enter(std::uint64_t client, Limited what);
    void leave(std::uint64_t client, Limited what);

    /// How long the client has to wait until it has anything left of a rate; 0, and nothing is counted, if it
    /// has. A wait is counted.
    std::chrono::milliseconds wait(std::uint64_t client, Limited what, Time now);
    /// Takes off what something has cost.
    void charge(std::uint64_t client, Limited what, double cost, Time now);

    /// How often a client was held to that bound.
    std::uint64_t refused(Limited what) const {
        return refused_[static_cast<std::size_t>(what)].load(std::memory_order_relaxed);
    }
    /// Clients that are known; a moment ago.
    std::size_t size() const;

  private:
    struct Client {
        std::uint64_t name;
        std::array<std::uint32_t, held_count> held{};
        std::array<double, rate_count> left;
        Time filled;  ///< when `left` was true
    };
    using Clients = std::list<Client>;
    struct Shard {
        mutable std::mutex mutex;
        Clients idle;  ///< who holds nothing; the longest not heard of first
        Clients holding;
        std::unordered_map<std::uint64_t, Clients::iterator> by_name;
    };

    static constexpr std::size_t shard_count = 16;
    Shard& shard_of(std::uint64_t client) { return shards_[client >> 60]; }
    Client& find(Shard& shard, std::uint64_t client, Time now);
    void fill(Client& client, Time now) const;
    double most(std::size_t rate) const;
    void count_refused(Limited what) {
        refused_[static_cast<std::size_t>(what)].fetch_add(1, std::memory_order_relaxed);
    }

    const ClientBounds bounds_;
    const bool on_;
    const std::size_t most_of_shard_;
    std::array<Shard, shard_count> shards_;
    std::array<std::atomic<std::uint64_t>, limited_count> refused_{};
};

}  // namespace stepcast::http
