#pragma once
#include <memory>
#include <span>
#include <vector>

#include "bus/bus.hpp"
#include "kafka/rdkafka.hpp"

namespace stepcast::kafka {

/// Records as librdkafka holds them. Owns their client too, since destroying a client before its messages
/// hangs.
class KafkaBatch final : public bus::Batch {
  public:
    KafkaBatch(std::shared_ptr<Client> client, std::size_t room);
    KafkaBatch(const KafkaBatch&) = delete;
    KafkaBatch& operator=(const KafkaBatch&) = delete;
    ~KafkaBatch() override;

    std::size_t room() const { return messages_.size() - used_; }

    /// Moves what the queue holds here; what it moved, records and other messages.
    std::span<rd_kafka_message_t* const> fill(rd_kafka_queue_t* queue);
    /// A record among what was moved.
    void add(const rd_kafka_message_t& message);

  private:
    std::shared_ptr<Client> client_;  // destroyed after its messages
    std::vector<rd_kafka_message_t*> messages_;
    std::size_t used_ = 0;
};

}  // namespace stepcast::kafka
