#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kafka/edge.hpp"
#include "kafka/queue_signal.hpp"
#include "kafka/rdkafka.hpp"

namespace stepcast::kafka {

/// A partition that is read.
struct Part {
    QueuePtr queue;
    Edge edge;
    std::int64_t position = -1;  ///< behind what was handed out; negative until that is known
    std::int64_t committed = -1;
    bool revoked = false;  ///< nothing more is handed out
};

/// The partitions that a reader has now. On its strand.
class Parts {
  public:
    Parts(std::string topic, QueueSignal& signal) : topic_{std::move(topic)}, signal_{signal} {}

    /// The client whose partitions they are; it outlives each of them.
    void use(rd_kafka_t* client) { client_ = client; }

    Part* find(std::int32_t partition) const;
    /// Cuts the partition's queue off from the client's own. Before fetching from it starts.
    Part& add(std::int32_t partition);
    void drop(std::int32_t partition);
    void drop_all();
    /// Numbers of the partitions that there are lie below.
    std::int32_t end() const { return static_cast<std::int32_t>(parts_.size()); }

    std::size_t in_flight() const;
    /// Records that wait to be handed out.
    std::size_t waiting() const;
    /// The offset behind the last record, as far as known; 0 if it is not.
    std::int64_t head(std::int32_t partition) const;
    std::int64_t lag() const;

  private:
    const std::string topic_;
    QueueSignal& signal_;
    rd_kafka_t* client_ = nullptr;
    std::vector<std::unique_ptr<Part>> parts_;  // by partition; empty where it is not ours
};

}  // namespace stepcast::kafka
