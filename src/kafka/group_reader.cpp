#include "kafka/group_reader.hpp"

#include <spdlog/spdlog.h>
#include <cassert>

namespace stepcast::kafka {
namespace {

constexpr auto revoke_limit = std::chrono::seconds{2};

}  // namespace

GroupReader::GroupReader(std::shared_ptr<Core> core, const bus::GroupSubscription& subscription,
                         const aio::Strand& strand)
    : Reader{std::move(core),
             {subscription.topic, subscription.group, subscription.max_batch, subscription.max_queued},
             strand} {
    assert(!subscription.group.empty());
}

void GroupReader::set_up(rd_kafka_conf_t* conf) {
    rd_kafka_conf_set_rebalance_cb(conf, &GroupReader::on_rebalance);
}

void GroupReader::begin() {
    const auto topics = make_partitions(1);
    rd_kafka_topic_partition_list_add(topics.get(), reading_.topic.c_str(), RD_KAFKA_PARTITION_UA);
    const auto error = rd_kafka_subscribe(client_->get(), topics.get());
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        spdlog::error("kafka: cannot subscribe: {}", rd_kafka_err2str(error));
}

// Only remembered here: the answer may have to wait for records that are being worked on, and a callback
// cannot.
void GroupReader::on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t kind,
                               rd_kafka_topic_partition_list_t* partitions, void* opaque) {
    static_cast<GroupReader*>(static_cast<Reader*>(opaque))
        ->rebalances_.push_back({kind, PartitionsPtr{rd_kafka_topic_partition_list_copy(partitions)}});
}

aio::awaitable<void> GroupReader::answer() {
    const auto event = std::move(rebalances_.front());
    rebalances_.pop_front();
    ++rebalance_count_;
    if (event.kind == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        assign(event);
    } else if (event.kind == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        co_await revoke(event);
    } else {
        spdlog::warn("kafka: rebalance of {} failed: {}", reading_.noted_as, rd_kafka_err2str(event.kind));
        rd_kafka_assign(client_->get(), nullptr);
    }
}

void GroupReader::assign(const Rebalance& event) {
    for (const auto& partition : elements(*event.partitions)) parts_.add(partition.partition);
    spdlog::info("kafka: {} reads {} partitions of {}", reading_.noted_as, event.partitions->cnt,
                 reading_.topic);
    rd_kafka_assign(client_->get(), event.partitions.get());
}

aio::awaitable<void> GroupReader::revoke(const Rebalance& event) {
    for (const auto& partition : elements(*event.partitions))
        if (Part* const part = parts_.find(partition.partition)) part->revoked = true;
    // Lost partitions are somebody else's already: what is committed for them now would overwrite the new
    // owner's.
    if (rd_kafka_assignment_lost(client_->get()) == 0) co_await settle_and_commit(revoke_limit);
    for (const auto& partition : elements(*event.partitions)) parts_.drop(partition.partition);
    spdlog::info("kafka: {} gives up {} partitions of {}", reading_.noted_as, event.partitions->cnt,
                 reading_.topic);
    rd_kafka_assign(client_->get(), nullptr);
}

// In a group librdkafka itself settles where reading goes on.
void GroupReader::serve_loss(std::int32_t, const rd_kafka_message_t& message) {
    serve_error(message);
}

}  // namespace stepcast::kafka
