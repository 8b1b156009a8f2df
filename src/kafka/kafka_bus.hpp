#pragma once
#include <memory>

#include "bus/bus.hpp"
#include "kafka/config.hpp"

namespace stepcast::kafka {

class Core;
class Producer;

/// The bus over Apache Kafka. Produced records are acknowledged by all in-sync replicas; what a group has
/// done is remembered by Kafka about every second, at a rebalance and at the end. A broker that is away makes
/// it unhealthy, never fails it.
class KafkaBus final : public bus::MessageBus {
  public:
    /// Starts a client, connects later. Refused: a property that librdkafka does not know or take, named in
    /// `field`.
    static result<std::unique_ptr<KafkaBus>> open(asio::io_context& io, Config config);
    ~KafkaBus() override;

    bus::awaitable<result<void>> ensure_topics(std::vector<bus::TopicSpec> topics) override;
    bus::awaitable<result<std::optional<Duration>>> retention(std::string topic) override;
    bus::awaitable<result<std::vector<bus::Place>>> produce(std::vector<bus::Message> messages) override;
    std::unique_ptr<bus::Consumer> subscribe(bus::GroupSubscription subscription,
                                             const aio::Strand& strand) override;
    std::unique_ptr<bus::Consumer> replay(bus::ReplaySubscription subscription,
                                          const aio::Strand& strand) override;
    bool healthy() const override;
    bus::Stats stats() const override;
    bus::awaitable<void> close() override;
    std::string_view kind() const override { return "kafka"; }

  private:
    KafkaBus(const aio::Strand& strand, std::shared_ptr<Core> core, std::shared_ptr<Producer> producer);

    const aio::Strand strand_;
    const std::shared_ptr<Core> core_;
    const std::shared_ptr<Producer> producer_;
};

}  // namespace stepcast::kafka
