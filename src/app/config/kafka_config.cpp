#include "app/config/kafka_config.hpp"

#include <algorithm>

namespace stepcast::app {

kafka::Config kafka_config(const Config& config) {
    constexpr std::uint64_t mib = 1024 * 1024;
    return {.brokers = config.kafka.brokers,
            .create_topics = config.kafka.create_topics,
            .partitions = config.kafka.partitions,
            .replication = config.kafka.replication,
            .properties = config.kafka.properties,
            .max_fetched_bytes = std::clamp(config.store.max_bytes / 16, 32 * mib, 256 * mib)};
}

}  // namespace stepcast::app
