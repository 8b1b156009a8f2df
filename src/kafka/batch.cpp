#include "kafka/batch.hpp"

#include <algorithm>

namespace stepcast::kafka {
namespace {

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

}  // namespace

KafkaBatch::KafkaBatch(std::shared_ptr<Client> client, std::size_t room) : client_{std::move(client)} {
    messages_.resize(room);
    records.reserve(room);
}

KafkaBatch::~KafkaBatch() {
    for (std::size_t i = 0; i < used_; ++i) rd_kafka_message_destroy(messages_[i]);
}

std::span<rd_kafka_message_t* const> KafkaBatch::fill(rd_kafka_queue_t* queue) {
    const auto first = messages_.data() + used_;
    const auto n = rd_kafka_consume_batch_queue(queue, 0, first, room());
    if (n <= 0) return {};
    used_ += static_cast<std::size_t>(n);
    return {first, static_cast<std::size_t>(n)};
}

void KafkaBatch::add(const rd_kafka_message_t& message) {
    rd_kafka_timestamp_type_t type{};
    auto& record = records.emplace_back();
    record.place = {message.partition, message.offset};
    record.timestamp =
        Timestamp{Duration{std::max<std::int64_t>(0, rd_kafka_message_timestamp(&message, &type))}};
    if (message.key != nullptr) record.key.emplace(static_cast<const char*>(message.key), message.key_len);
    if (message.payload != nullptr)
        record.value.emplace(static_cast<const char*>(message.payload), message.len);
    record.source = &message;
    record.read_headers = read_headers;
}

}  // namespace stepcast::kafka
