#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "bus/bus.hpp"
#include "kafka/rdkafka.hpp"

namespace stepcast::kafka {

// All of this blocks for up to `ask_limit_ms` a question: only through aio::offload.
inline constexpr int ask_limit_ms = 3000;

/// Makes the topics that do not exist, or says which ones are missing.
result<void> ensure_topics(rd_kafka_t* rk, const Config& config, const std::vector<bus::TopicSpec>& topics);

/// How long the topic keeps its records; none: for ever.
result<std::optional<Duration>> find_retention(rd_kafka_t* rk, const std::string& topic);

result<std::int32_t> count_partitions(rd_kafka_t* rk, const std::string& topic);

/// A partition that is to be read, and the offset to go on at, if any. `refused`: the broker does not know
/// that offset.
struct Wanted {
    std::int32_t partition = 0;
    std::optional<std::int64_t> from{};
    bool refused = false;
};

/// Where to read a partition from, and the offset behind its last record now.
struct Span {
    std::int64_t start = 0;
    std::int64_t head = 0;
    std::int64_t missed = 0;   ///< records between the offset wanted and the oldest that is left
    bool again = false;        ///< the offset wanted belongs to a topic that was deleted and made again
    std::int64_t too_old = 0;  ///< records between the oldest that is left and the first not older than asked
};

/// For each partition: the offset wanted or what stands for it; without one, the first record not older than
/// `since` (the head if there is none), or the oldest.
result<std::vector<Span>> find_spans(rd_kafka_t* rk, const std::string& topic,
                                     const std::vector<Wanted>& wanted, std::optional<Timestamp> since);

}  // namespace stepcast::kafka
