#pragma once
#include <cstdint>
#include <map>
#include <string>

namespace stepcast::kafka {

/// How to reach Kafka and what to do there.
struct Config {
    std::string brokers = "127.0.0.1:9092";  ///< host:port, comma-separated
    std::string client_id = "stepcast";
    bool create_topics = true;     ///< whether missing topics are made
    std::int32_t partitions = 6;   ///< of topics that are made
    std::int32_t replication = 1;  ///< of topics that are made
    /// Any librdkafka property by its dotted name, for SASL, TLS and tuning. Those that the promises of the
    /// bus rest on (acks, partitioner, commits, …) are refused.
    std::map<std::string, std::string> properties{};
    std::size_t max_produced_records =
        100'000;  ///< given to the bus and not yet acknowledged; beyond it: busy
    std::size_t max_produced_bytes = 64 * 1024 * 1024;  ///< the same in bytes of keys, values and headers
    /// What one reader fetches ahead, dealt over its partitions. librdkafka 2.0.2 rests for a second once
    /// this is reached, so it bounds how much a reader takes in a second too.
    std::uint64_t max_fetched_bytes = 32 * 1024 * 1024;
};

}  // namespace stepcast::kafka
