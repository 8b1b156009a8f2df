// What a reader without a group does: takes all partitions, goes on where it is told to, and begins again
// where a topic was deleted and made anew.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "aio/offload.hpp"
#include "kafka/reader.hpp"

namespace stepcast::kafka {
namespace {

using namespace std::chrono_literals;
constexpr std::chrono::steady_clock::duration retry = 1s;
constexpr std::chrono::steady_clock::duration look_for_partitions = 10s;

}  // namespace

aio::awaitable<void> Reader::watch_partitions() {
    const auto self = shared_from_this();
    const auto hold = gate_.enter();
    while (!stop_) {
        const bool answered = co_await look_at_topic();
        co_await look_.wait(answered ? look_for_partitions : retry);
    }
}

/// Begins the partitions that are not read yet. False if that is to be tried again soon.
aio::awaitable<bool> Reader::look_at_topic() {
    const auto count = co_await core_->partitions(subscription_.topic);
    if (stop_) co_return true;
    if (!count) co_return put_off(count.error());
    if (absent_) drop_parts();
    const auto wanted = find_wanted(*count);
    if (!wanted.empty()) {
        const auto client = client_;
        const auto since = spans_known_ ? std::nullopt : subscription_.since;
        const auto spans = co_await aio::offload(
            *core_->pool(), [&] { return find_spans(client->get(), subscription_.topic, wanted, since); });
        if (stop_) co_return true;
        if (!spans) co_return put_off(spans.error());
        begin(wanted, *spans);
    }
    if (absent_)
        spdlog::warn("kafka: topic {} is there again and read from its beginning", subscription_.topic);
    absent_ = false;
    spans_known_ = true;
    told_.clear();
    co_return true;
}

bool Reader::put_off(const Error& error) {
    // Before anything was read there is nothing to begin again.
    if (error.code == bus::errc::unknown_topic && spans_known_) {
        absent_ = true;
        // Should the topic appear, librdkafka would go on where reading stood in the old one.
        for (const auto& part : parts_)
            if (part) part->revoked = true;
    }
    if (const auto text = error.text(); text != told_) {
        told_ = text;
        spdlog::warn("kafka: waiting to read {}: {}", subscription_.topic, text);
    }
    return false;
}

std::vector<Wanted> Reader::find_wanted(std::int32_t count) const {
    std::vector<Wanted> wanted;
    for (std::int32_t p = 0; p < count; ++p) {
        if (const Part* const part = find(p); part != nullptr) {
            if (part->refused) wanted.push_back({p, part->position, true});
            continue;
        }
        const auto from = subscription_.from.find(p);
        wanted.push_back({p});
        if (!spans_known_ && from != subscription_.from.end()) wanted.back().from = from->second;
    }
    return wanted;
}

void Reader::begin(const std::vector<Wanted>& wanted, const std::vector<Span>& spans) {
    const auto added = make_partitions(wanted.size());
    const auto left = make_partitions(wanted.size());
    for (const auto& [partition, from, refused] : wanted)
        if (find(partition) != nullptr)
            rd_kafka_topic_partition_list_add(left.get(), subscription_.topic.c_str(), partition);
    if (left->cnt > 0) unassign(*left);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        const auto& [partition, from, refused] = wanted[i];
        const Span& span = spans[i];
        if (span.missed > 0)
            spdlog::warn("kafka: {} records of {} partition {} expired before they were read", span.missed,
                         subscription_.topic, partition);
        if (span.again)
            spdlog::warn(
                "kafka: {} partition {} was made again and is read from its beginning: it ends at {}, "
                "reading stood at {}",
                subscription_.topic, partition, span.head, *from);
        missed_ += static_cast<std::uint64_t>(span.missed);
        Part& part = add_part(partition);
        part.at_start = span;
        part.position = span.start;
        rd_kafka_topic_partition_list_add(added.get(), subscription_.topic.c_str(), partition)->offset =
            span.start;
    }
    const ErrorPtr error{rd_kafka_incremental_assign(client_->get(), added.get())};
    if (error)
        spdlog::error("kafka: cannot read {}: {}", subscription_.topic, rd_kafka_error_string(error.get()));
}

void Reader::unassign(const rd_kafka_topic_partition_list_t& partitions) {
    for (const auto& partition : elements(partitions)) drop_part(partition.partition);
    const ErrorPtr error{rd_kafka_incremental_unassign(client_->get(), &partitions)};
    if (error)
        spdlog::error("kafka: cannot leave {}: {}", subscription_.topic, rd_kafka_error_string(error.get()));
}

// Only once the topic is there again: librdkafka 2.0.2 never ends if a partition is given up while its topic
// is away.
void Reader::drop_parts() {
    const auto all = make_partitions(parts_.size());
    for (std::size_t i = 0; i < parts_.size(); ++i)
        if (parts_[i])
            rd_kafka_topic_partition_list_add(all.get(), subscription_.topic.c_str(),
                                              static_cast<std::int32_t>(i));
    if (all->cnt > 0) unassign(*all);
    parts_.clear();
}

/// An error in a partition's queue: without a group librdkafka leaves it to us where to go on.
void Reader::serve_loss(Part& part, const rd_kafka_message_t& message) {
    if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
        part.refused = true;
    else
        serve_error(message);
    look_.notify();
}

}  // namespace stepcast::kafka
