#pragma once
#include <deque>

#include "kafka/reader.hpp"

namespace stepcast::kafka {

/// A member of a group: Kafka decides which partitions it has, and remembers what is done. On its strand.
class GroupReader final : public Reader {
  public:
    GroupReader(std::shared_ptr<Core> core, const bus::GroupSubscription& subscription,
                const aio::Strand& strand);

    bool caught_up() const override { return true; }
    int percent() const override { return 100; }

  private:
    struct Rebalance {
        rd_kafka_resp_err_t kind;
        PartitionsPtr partitions;
    };

    void set_up(rd_kafka_conf_t* conf) override;
    void begin() override;
    bool owes_answer() const override { return !rebalances_.empty(); }
    aio::awaitable<void> answer() override;
    void serve_loss(std::int32_t partition, const rd_kafka_message_t& message) override;
    void count(bus::Stats& stats) const override { stats.rebalances = rebalance_count_; }

    void assign(const Rebalance& event);
    aio::awaitable<void> revoke(const Rebalance& event);
    static void on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*, void*);

    std::deque<Rebalance> rebalances_;
    std::uint64_t rebalance_count_ = 0;
};

}  // namespace stepcast::kafka
