#pragma once
#include <vector>

#include "kafka/reader.hpp"
#include "kafka/topics.hpp"

namespace stepcast::kafka {

/// Reads all partitions by itself: goes on where it is told to, and begins again where a topic was deleted
/// and made anew. On its strand.
class ReplayReader final : public Reader {
  public:
    ReplayReader(std::shared_ptr<Core> core, bus::ReplaySubscription subscription, const aio::Strand& strand);

    bool caught_up() const override { return spans_known_ && percent() == 100; }
    int percent() const override;
    std::int64_t too_old() const override { return too_old_; }
    bool healthy() const override { return Reader::healthy() && !absent_; }

  private:
    struct Start {
        Span span;
        bool refused = false;  // the broker does not know the offset to go on at
    };

    void set_up(rd_kafka_conf_t* conf) override;
    void begin() override;
    void serve_loss(std::int32_t partition, const rd_kafka_message_t& message) override;
    void count(bus::Stats& stats) const override { stats.missed = missed_; }
    bool may_hang() const override { return was_absent_; }

    aio::awaitable<void> watch_partitions();
    aio::awaitable<bool> look_at_topic();
    bool put_off(const Error& error);
    void hold_all();
    /// What is read next is read by a new client.
    bool anew() const { return absent_ || renews_; }
    std::vector<Wanted> find_wanted(std::int32_t count) const;
    void read(const std::vector<Wanted>& wanted, const std::vector<Span>& spans);
    void unassign(const rd_kafka_topic_partition_list_t& partitions);

    const bus::ReplaySubscription subscription_;
    std::vector<Start> starts_;  // by partition
    std::uint64_t missed_ = 0;
    std::int64_t too_old_ = 0;  // passed over at the start
    bool spans_known_ = false;  // the partitions were found once
    bool was_absent_ = false;   // at any time of this client
    bool absent_ = false;       // the topic was there and is not
    bool renews_ = false;       // a partition was made again
};

}  // namespace stepcast::kafka
