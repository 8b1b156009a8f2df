#pragma once
#include <asio/thread_pool.hpp>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "aio/types.hpp"
#include "bus/bus.hpp"
#include "kafka/rdkafka.hpp"

namespace stepcast::kafka {

/// What the producer and the consumers of one bus share. Thread-safe.
class Core {
  public:
    Core(Config config) : config_{std::move(config)} {}

    const Config& config() const { return config_; }
    /// For what blocks; clients are destroyed on it too.
    const std::shared_ptr<asio::thread_pool>& pool() const { return pool_; }
    /// The client for questions about topics; it is the producer's.
    void use(std::shared_ptr<Client> client);

    /// Asks Kafka only about topics that were not seen before; missing ones are made as they were last
    /// described. On any strand.
    aio::awaitable<result<void>> ensure(std::vector<std::string> topics);
    /// Describes the topics, then the same.
    aio::awaitable<result<void>> ensure_as(std::vector<bus::TopicSpec> topics);

    /// How many partitions a topic has. On any strand.
    aio::awaitable<result<std::int32_t>> partitions(std::string topic);
    /// How long the topic keeps its records; none: for ever.
    aio::awaitable<result<std::optional<Duration>>> retention(std::string topic);

    /// A topic that was seen is gone: ask again.
    void unlearn(const std::string& topic);

    void set_up(bool up) { up_.store(up, std::memory_order_relaxed); }
    bool up() const {
        return up_.load(std::memory_order_relaxed) && !failed_.load(std::memory_order_relaxed);
    }
    /// For good: no broker that comes back mends it.
    void give_up() { failed_.store(true, std::memory_order_relaxed); }

    /// Replaces what one consumer tells of itself.
    void publish(const void* consumer, bus::Stats stats);
    void forget(const void* consumer);
    bus::Stats stats() const;
    std::atomic<std::uint64_t> produced{0};
    std::atomic<std::uint64_t> produce_failed{0};

  private:
    std::shared_ptr<Client> client() const;

    const Config config_;
    const std::shared_ptr<asio::thread_pool> pool_ = std::make_shared<asio::thread_pool>(2);
    std::atomic<bool> up_{false};
    std::atomic<bool> failed_{false};
    mutable std::mutex mutex_;
    std::shared_ptr<Client> client_;
    std::set<std::string, std::less<>> known_;
    std::map<std::string, bus::TopicSpec, std::less<>> described_;
    std::map<const void*, bus::Stats> consumers_;
    std::uint64_t past_rebalances_ = 0;  // of consumers that are gone: a counter must not fall
    std::uint64_t past_missed_ = 0;      // likewise
};

}  // namespace stepcast::kafka
