// What a reader in a group does when partitions come and go; what any reader notes with Kafka.
#include <spdlog/spdlog.h>
#include <string_view>

#include "kafka/reader.hpp"

namespace stepcast::kafka {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;
constexpr auto revoke_limit = 2s;
constexpr auto commit_limit = 1s;

}  // namespace

// Only remembered here: the answer may have to wait for records that are being worked on, and a callback
// cannot.
void Reader::on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t kind, rd_kafka_topic_partition_list_t* partitions,
                          void* opaque) {
    static_cast<Reader*>(opaque)->rebalances_.push_back(
        {kind, PartitionsPtr{rd_kafka_topic_partition_list_copy(partitions)}});
}

aio::awaitable<void> Reader::rebalance(Rebalance event) {
    ++rebalance_count_;
    if (event.kind == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        assign(event);
    } else if (event.kind == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        co_await revoke(event);
    } else {
        spdlog::warn("kafka: rebalance of {} failed: {}", subscription_.group, rd_kafka_err2str(event.kind));
        rd_kafka_assign(client_->get(), nullptr);
    }
}

void Reader::assign(const Rebalance& event) {
    for (const auto& partition : elements(*event.partitions)) add_part(partition.partition);
    spdlog::info("kafka: {} reads {} partitions of {}", subscription_.group, event.partitions->cnt,
                 subscription_.topic);
    rd_kafka_assign(client_->get(), event.partitions.get());
}

aio::awaitable<void> Reader::revoke(const Rebalance& event) {
    for (const auto& partition : elements(*event.partitions))
        if (Part* const part = find(partition.partition)) part->revoked = true;
    // Lost partitions are somebody else's already: what is committed for them now would overwrite the new
    // owner's.
    if (rd_kafka_assignment_lost(client_->get()) == 0) co_await settle_and_commit(revoke_limit);
    for (const auto& partition : elements(*event.partitions)) drop_part(partition.partition);
    spdlog::info("kafka: {} gives up {} partitions of {}", subscription_.group, event.partitions->cnt,
                 subscription_.topic);
    rd_kafka_assign(client_->get(), nullptr);
}

/// Waits for what was handed out of the partitions that are going, at most `limit`, then commits and waits
/// for the answer.
aio::awaitable<void> Reader::settle_and_commit(steady_clock::duration limit) {
    const auto busy = [this] {
        for (const auto& part : parts_)
            if (part && (part->revoked || stop_) && part->edge.in_flight() > 0) return true;
        return false;
    };
    const auto deadline = steady_clock::now() + limit;
    while (busy() && steady_clock::now() < deadline) {
        co_await signal_.wait(std::min<steady_clock::duration>(deadline - steady_clock::now(), 1s));
        poll();
        arrived_.notify();  // the partitions that stay go on
    }
    if (rd_kafka_assignment_lost(client_->get()) != 0) co_return;
    commit();
    const auto answered = steady_clock::now() + commit_limit;
    while (commits_open_ > 0 && steady_clock::now() < answered) {
        co_await signal_.wait(answered - steady_clock::now());
        poll();
        arrived_.notify();
    }
}

/// Remembers the contiguous edges that moved. The answer comes through on_commit.
void Reader::commit() {
    const auto moved = make_partitions(parts_.size());
    for (std::size_t i = 0; i < parts_.size(); ++i) {
        if (!parts_[i] || parts_[i]->edge.value() <= parts_[i]->committed) continue;
        const auto partition = static_cast<std::int32_t>(i);
        rd_kafka_topic_partition_list_add(moved.get(), subscription_.topic.c_str(), partition)->offset =
            parts_[i]->edge.value();
    }
    if (moved->cnt == 0) return;
    const auto error = rd_kafka_commit(client_->get(), moved.get(), 1);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        ++commits_open_;
    else
        tell_of_commit(rd_kafka_err2str(error));
}

/// Once for each reason: commits are tried every second.
void Reader::tell_of_commit(std::string_view reason) {
    if (reason == commit_told_) return;
    commit_told_ = reason;
    spdlog::warn("kafka: cannot commit offsets of {}: {}", noted_as(), reason);
}

void Reader::on_commit(rd_kafka_t*, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* partitions,
                       void* opaque) {
    static_cast<Reader*>(opaque)->committed(error, *partitions);
}

void Reader::committed(rd_kafka_resp_err_t error, const rd_kafka_topic_partition_list_t& partitions) {
    commits_open_ = std::max(0, commits_open_ - 1);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        commit_told_.clear();
    else if (error != RD_KAFKA_RESP_ERR__NO_OFFSET)
        tell_of_commit(rd_kafka_err2str(error));
    for (const auto& partition : elements(partitions)) {
        Part* const part = find(partition.partition);
        if (part == nullptr || error != RD_KAFKA_RESP_ERR_NO_ERROR ||
            partition.err != RD_KAFKA_RESP_ERR_NO_ERROR)
            continue;
        part->committed = std::max(part->committed, partition.offset);
    }
}

}  // namespace stepcast::kafka
