#include "kafka/reader.hpp"

#include <spdlog/spdlog.h>
#include <algorithm>

#include "aio/spawn.hpp"

namespace stepcast::kafka {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;
constexpr auto close_limit = 5s;

// librdkafka takes them apart when they are first asked for, and keeps them with the message.
std::vector<event::HeaderView> read_headers(const void* message) {
    std::vector<event::HeaderView> views;
    rd_kafka_headers_t* headers = nullptr;
    if (rd_kafka_message_headers(static_cast<const rd_kafka_message_t*>(message), &headers) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
        return views;
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    while (rd_kafka_header_get_all(headers, views.size(), &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR)
        views.push_back({name, {static_cast<const char*>(value), size}});
    return views;
}

class KafkaBatch final : public bus::Batch {
  public:
    KafkaBatch(std::shared_ptr<Client> client, std::size_t room) : client_{std::move(client)} {
        messages_.resize(room);
        records.reserve(room);
    }
    KafkaBatch(const KafkaBatch&) = delete;
    KafkaBatch& operator=(const KafkaBatch&) = delete;
    ~KafkaBatch() override {
        for (std::size_t i = 0; i < used_; ++i) rd_kafka_message_destroy(messages_[i]);
    }

    std::size_t room() const { return messages_.size() - used_; }

    /// Moves what the queue holds here; what it moved.
    std::span<rd_kafka_message_t* const> fill(rd_kafka_queue_t* queue) {
        const auto first = messages_.data() + used_;
        const auto n = rd_kafka_consume_batch_queue(queue, 0, first, room());
        if (n <= 0) return {};
        used_ += static_cast<std::size_t>(n);
        return {first, static_cast<std::size_t>(n)};
    }

    void add(const rd_kafka_message_t& message) {
        rd_kafka_timestamp_type_t type{};
        auto& record = records.emplace_back();
        record.place = {message.partition, message.offset};
        record.timestamp =
            Timestamp{Duration{std::max<std::int64_t>(0, rd_kafka_message_timestamp(&message, &type))}};
        if (message.key != nullptr)
            record.key.emplace(static_cast<const char*>(message.key), message.key_len);
        if (message.payload != nullptr)
            record.value.emplace(static_cast<const char*>(message.payload), message.len);
        record.source = &message;
        record.read_headers = read_headers;
    }

  private:
    std::shared_ptr<Client> client_;  // destroyed after its messages
    std::vector<rd_kafka_message_t*> messages_;
    std::size_t used_ = 0;
};

}  // namespace

Reader::Reader(std::shared_ptr<Core> core, bus::Subscription subscription, const aio::Strand& strand)
    : core_{std::move(core)},
      subscription_{std::move(subscription)},
      strand_{strand},
      signal_{strand},
      arrived_{strand},
      look_{strand},
      finished_{strand},
      gate_{strand} {}

void Reader::start() {
    aio::spawn_vital(strand_, "kafka reader", [self = shared_from_this()] { return self->run(); });
}

Reader::Part* Reader::find(std::int32_t partition) const {
    return partition >= 0 && static_cast<std::size_t>(partition) < parts_.size() ? parts_[partition].get()
                                                                                 : nullptr;
}

Reader::Part& Reader::add_part(std::int32_t partition) {
    if (parts_.size() <= static_cast<std::size_t>(partition))
        parts_.resize(static_cast<std::size_t>(partition) + 1);
    auto& part = parts_[partition];
    part = std::make_unique<Part>();
    part->queue.reset(rd_kafka_queue_get_partition(client_->get(), subscription_.topic.c_str(), partition));
    // Before fetching starts, or its first records would go to the client's own queue.
    rd_kafka_queue_forward(part->queue.get(), nullptr);
    signal_.watch(part->queue.get());
    return *part;
}

void Reader::drop_part(std::int32_t partition) {
    Part* const part = find(partition);
    if (part == nullptr) return;
    QueueSignal::unwatch(part->queue.get());
    parts_[partition].reset();
}

std::unique_ptr<bus::Batch> Reader::collect() {
    std::size_t waiting = 0;
    for (const auto& part : parts_)
        if (part && !part->revoked) waiting += rd_kafka_queue_length(part->queue.get());
    if (waiting == 0) return nullptr;
    auto batch = std::make_unique<KafkaBatch>(client_, std::min(waiting, subscription_.max_batch));
    const std::size_t n = parts_.size();
    for (std::size_t k = 0; k < n && batch->room() > 0; ++k) {
        Part* const part = parts_[(turn_ + k) % n].get();
        if (part == nullptr || part->revoked) continue;
        for (const auto* message : batch->fill(part->queue.get())) {
            if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) batch->add(*message);
            if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR ||
                message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
                note_position(*part, *message);
            else if (in_group())
                serve_error(*message);
            else
                serve_loss(*part, *message);
        }
    }
    turn_ = (turn_ + 1) % n;
    if (batch->records.empty()) return nullptr;
    up_ = true;
    core_->set_up(true);
    return batch;
}

/// A record, or the end of the partition.
void Reader::note_position(Part& part, const rd_kafka_message_t& message) {
    if (message.offset < part.position) {
        // In a group librdkafka itself goes on at the beginning.
        spdlog::warn("kafka: {} partition {} was made again: it goes on at {}, reading stood at {}",
                     subscription_.topic, message.partition, message.offset, part.position);
        part.edge = {};
        part.committed = -1;
    }
    const bool record = message.err == RD_KAFKA_RESP_ERR_NO_ERROR;
    part.position = message.offset + (record ? 1 : 0);
    if (record && !noted_as().empty()) part.edge.give(message.offset);
}

aio::awaitable<std::unique_ptr<bus::Batch>> Reader::next(std::chrono::milliseconds limit) {
    const auto self = shared_from_this();
    const auto deadline = steady_clock::now() + limit;
    while (!stop_) {
        if (auto batch = collect()) co_return batch;
        const auto left = deadline - steady_clock::now();
        if (left <= left.zero()) break;
        co_await arrived_.wait(left);
    }
    co_return nullptr;
}

void Reader::done(bus::Place place) {
    Part* const part = find(place.partition);
    if (part == nullptr) return;
    part->edge.done(place.offset);
    if ((part->revoked || stop_) && part->edge.in_flight() == 0) signal_.notify();
}

std::size_t Reader::in_flight() const {
    std::size_t n = 0;
    for (const auto& part : parts_)
        if (part) n += part->edge.in_flight();
    return n;
}

std::int64_t Reader::head(std::int32_t partition) const {
    std::int64_t low = 0;
    std::int64_t high = 0;
    const auto error =
        rd_kafka_get_watermark_offsets(client_->get(), subscription_.topic.c_str(), partition, &low, &high);
    return error == RD_KAFKA_RESP_ERR_NO_ERROR ? std::max<std::int64_t>(high, 0) : 0;
}

int Reader::percent() const {
    std::int64_t all = 0;
    std::int64_t given = 0;
    for (const auto& part : parts_) {
        if (!part) continue;
        const Span& span = part->at_start;
        all += span.head - span.start;
        given += std::clamp(part->position, span.start, span.head) - span.start;
    }
    if (all == 0) return 100;
    return static_cast<int>(100 * given / all);
}

std::int64_t Reader::lag() const {
    std::int64_t lag = 0;
    for (std::size_t i = 0; i < parts_.size(); ++i)
        if (parts_[i] && parts_[i]->position >= 0)
            lag += std::max<std::int64_t>(0, head(static_cast<std::int32_t>(i)) - parts_[i]->position);
    return lag;
}

void Reader::publish() {
    bus::Stats stats;
    stats.rebalances = rebalance_count_;
    stats.missed = missed_;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
        if (!parts_[i]) continue;
        const Part& part = *parts_[i];
        if (rd_kafka_queue_length(part.queue.get()) >= subscription_.max_queued) ++stats.paused;
        if (part.position < 0) continue;
        const auto partition = static_cast<std::int32_t>(i);
        const auto position = part.edge.in_flight() > 0 ? part.edge.value() : part.position;
        stats.partitions.push_back(
            {subscription_.topic, noted_as(), partition, std::max(head(partition), part.position), position});
    }
    core_->publish(this, std::move(stats));
}

void Reader::stop() {
    stop_ = true;
    arrived_.notify();
    look_.notify();
    signal_.notify();
}

aio::awaitable<void> Reader::close() {
    const auto self = shared_from_this();
    stop();
    const auto deadline = steady_clock::now() + close_limit;
    while (!ended_) {
        const auto left = deadline - steady_clock::now();
        if (left <= left.zero()) {
            spdlog::warn("kafka: the consumer of {} is slow to end", subscription_.topic);
            break;
        }
        co_await finished_.wait(left);
    }
}

}  // namespace stepcast::kafka
