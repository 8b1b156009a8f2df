#include "kafka/replay_reader.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <algorithm>

#include "aio/offload.hpp"
#include "aio/spawn.hpp"

namespace stepcast::kafka {
namespace {

using namespace std::chrono_literals;
constexpr std::chrono::steady_clock::duration replay_retry = 1s;
constexpr std::chrono::steady_clock::duration look_for_partitions = 10s;

}  // namespace

ReplayReader::ReplayReader(std::shared_ptr<Core> core, bus::ReplaySubscription subscription,
                           const aio::Strand& strand)
    : Reader{std::move(core),
             {subscription.topic, subscription.lag_group, subscription.max_batch, subscription.max_queued},
             strand},
      subscription_{std::move(subscription)} {}

// It goes on where the caller's offsets end: where those are unknown is not librdkafka's to settle.
void ReplayReader::set_up(rd_kafka_conf_t* conf) {
    set(conf, "auto.offset.reset", "error");
}

void ReplayReader::begin() {
    aio::spawn_critical(strand_, "kafka partitions",
                        [this, self = shared_from_this()] { return watch_partitions(); });
}

int ReplayReader::percent() const {
    std::int64_t all = 0;
    std::int64_t given = 0;
    for (std::int32_t p = 0; p < parts_.end(); ++p) {
        const Part* const part = parts_.find(p);
        if (part == nullptr) continue;
        const Span& span = starts_[static_cast<std::size_t>(p)].span;
        all += span.head - span.start;
        given += std::clamp(part->position, span.start, span.head) - span.start;
    }
    if (all == 0) return 100;
    return static_cast<int>(100 * given / all);
}

aio::awaitable<void> ReplayReader::watch_partitions() {
    const auto self = shared_from_this();
    const auto hold = gate_.enter();
    while (!stop_) {
        const bool answered = co_await look_at_topic();
        co_await look_.wait(answered ? look_for_partitions : replay_retry);
    }
}

/// Begins the partitions that are not read yet. False if that is to be tried again soon.
aio::awaitable<bool> ReplayReader::look_at_topic() {
    const auto count = co_await core_->partitions(reading_.topic);
    if (stop_) co_return true;
    if (!count) co_return put_off(count.error());
    const auto wanted = find_wanted(*count);
    if (!wanted.empty()) {
        const auto client = client_;
        const auto since = spans_known_ ? std::nullopt : subscription_.since;
        const auto spans = co_await aio::offload(
            *core_->pool(), [&] { return find_spans(client->get(), reading_.topic, wanted, since); });
        if (stop_) co_return true;
        if (!spans) co_return put_off(spans.error());
        if (spans_known_ && !anew() && std::ranges::any_of(*spans, &Span::again)) {
            // The client may never give that partition up: another one reads on, where each stands then.
            renews_ = true;
            hold_all();
            co_return false;
        }
        if (anew()) {
            if (const auto opened = replace_client(*count); !opened) co_return put_off(opened.error());
            was_absent_ = false;
        }
        read(wanted, *spans);
    }
    if (absent_) spdlog::warn("kafka: topic {} is there again and read from its beginning", reading_.topic);
    absent_ = renews_ = false;
    spans_known_ = true;
    wait_logged_.clear();
    co_return true;
}

bool ReplayReader::put_off(const Error& error) {
    // Before anything was read there is nothing to begin again.
    if (error.code == bus::errc::unknown_topic && spans_known_) {
        absent_ = was_absent_ = true;
        // Should the topic appear, librdkafka would go on where reading stood in the old one.
        hold_all();
    }
    tell_of_wait(error);
    return false;
}

/// Nothing more is handed out by this client.
void ReplayReader::hold_all() {
    for (std::int32_t p = 0; p < parts_.end(); ++p)
        if (Part* const part = parts_.find(p)) part->revoked = true;
}

std::vector<Wanted> ReplayReader::find_wanted(std::int32_t count) const {
    std::vector<Wanted> wanted;
    for (std::int32_t p = 0; p < count; ++p) {
        if (const Part* const part = parts_.find(p); part != nullptr && !absent_) {
            const bool refused = starts_[static_cast<std::size_t>(p)].refused;
            if (refused || renews_) wanted.push_back({p, part->position, refused});
            continue;
        }
        const auto from = subscription_.from.find(p);
        wanted.push_back({p});
        if (!spans_known_ && from != subscription_.from.end()) wanted.back().from = from->second;
    }
    return wanted;
}

void ReplayReader::read(const std::vector<Wanted>& wanted, const std::vector<Span>& spans) {
    const auto added = make_partitions(wanted.size());
    const auto left = make_partitions(wanted.size());
    for (const auto& [partition, from, refused] : wanted)
        if (parts_.find(partition) != nullptr)
            rd_kafka_topic_partition_list_add(left.get(), reading_.topic.c_str(), partition);
    if (left->cnt > 0) unassign(*left);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        const auto& [partition, from, refused] = wanted[i];
        const Span& span = spans[i];
        if (span.missed > 0)
            spdlog::warn("kafka: {} records of {} partition {} expired before they were read", span.missed,
                         reading_.topic, partition);
        if (span.again)
            spdlog::warn(
                "kafka: {} partition {} was made again and is read from its beginning: it ends at {}, "
                "reading stood at {}",
                reading_.topic, partition, span.head, *from);
        missed_ += static_cast<std::uint64_t>(span.missed);
        too_old_ += span.too_old;
        parts_.add(partition).position = span.start;
        starts_.resize(std::max(starts_.size(), static_cast<std::size_t>(partition) + 1));
        starts_[static_cast<std::size_t>(partition)] = {span};
        rd_kafka_topic_partition_list_add(added.get(), reading_.topic.c_str(), partition)->offset =
            span.start;
    }
    const ErrorPtr error{rd_kafka_incremental_assign(client_->get(), added.get())};
    if (error) spdlog::error("kafka: cannot read {}: {}", reading_.topic, rd_kafka_error_string(error.get()));
}

/// Partitions of a topic that is there: one that is not, librdkafka 2.0.2 may never give up.
void ReplayReader::unassign(const rd_kafka_topic_partition_list_t& partitions) {
    for (const auto& partition : elements(partitions)) parts_.drop(partition.partition);
    const ErrorPtr error{rd_kafka_incremental_unassign(client_->get(), &partitions)};
    if (error)
        spdlog::error("kafka: cannot leave {}: {}", reading_.topic, rd_kafka_error_string(error.get()));
}

/// librdkafka leaves it to us where to go on.
void ReplayReader::serve_loss(std::int32_t partition, const rd_kafka_message_t& message) {
    if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
        starts_[static_cast<std::size_t>(partition)].refused = true;
    else
        serve_error(message);
    look_.notify();
}

}  // namespace stepcast::kafka
