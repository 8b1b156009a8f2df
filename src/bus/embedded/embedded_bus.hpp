#pragma once
#include "bus/bus.hpp"
#include "bus/embedded/log.hpp"

namespace stepcast::bus {

/// The bus inside the process: partitions, keys, groups and offsets in memory, nothing to install. See
/// MessageBus for what it promises; records and offsets end with the process. Topics exist as soon as they
/// are named. The oldest records of a topic that no group has subscribed to make room for new ones, and what
/// only those who read alone have still to read.
class EmbeddedBus final : public MessageBus {
  public:
    explicit EmbeddedBus(EmbeddedOptions options = {}, const Clock& clock = system_clock());
    ~EmbeddedBus() override;

    awaitable<result<void>> ensure_topics(std::vector<TopicSpec> topics) override;
    awaitable<result<std::vector<Place>>> produce(std::vector<Message> messages) override;
    std::unique_ptr<Consumer> subscribe(GroupSubscription subscription, const aio::Strand& strand) override;
    std::unique_ptr<Consumer> replay(ReplaySubscription subscription, const aio::Strand& strand) override;
    bool in_process() const override { return true; }
    bool healthy() const override;
    Stats stats() const override;
    awaitable<void> close() override;
    std::string_view kind() const override { return "embedded"; }

  private:
    std::shared_ptr<EmbeddedLog> log_;
};

}  // namespace stepcast::bus
