#include "kafka/parts.hpp"

#include <algorithm>

namespace stepcast::kafka {

Part* Parts::find(std::int32_t partition) const {
    return partition >= 0 && partition < end() ? parts_[static_cast<std::size_t>(partition)].get() : nullptr;
}

Part& Parts::add(std::int32_t partition) {
    const auto index = static_cast<std::size_t>(partition);
    if (parts_.size() <= index) parts_.resize(index + 1);
    auto& part = parts_[index];
    part = std::make_unique<Part>();
    part->queue.reset(rd_kafka_queue_get_partition(client_, topic_.c_str(), partition));
    // Before fetching starts, or its first records would go to the client's own queue.
    rd_kafka_queue_forward(part->queue.get(), nullptr);
    signal_.watch(part->queue.get());
    return *part;
}

void Parts::drop(std::int32_t partition) {
    Part* const part = find(partition);
    if (part == nullptr) return;
    QueueSignal::unwatch(part->queue.get());
    parts_[static_cast<std::size_t>(partition)].reset();
}

void Parts::drop_all() {
    for (std::int32_t p = 0; p < end(); ++p) drop(p);
    parts_.clear();
}

std::size_t Parts::in_flight() const {
    std::size_t n = 0;
    for (const auto& part : parts_)
        if (part) n += part->edge.in_flight();
    return n;
}

std::size_t Parts::waiting() const {
    std::size_t n = 0;
    for (const auto& part : parts_)
        if (part && !part->revoked) n += rd_kafka_queue_length(part->queue.get());
    return n;
}

std::int64_t Parts::head(std::int32_t partition) const {
    std::int64_t low = 0;
    std::int64_t high = 0;
    const auto error = rd_kafka_get_watermark_offsets(client_, topic_.c_str(), partition, &low, &high);
    return error == RD_KAFKA_RESP_ERR_NO_ERROR ? std::max<std::int64_t>(high, 0) : 0;
}

std::int64_t Parts::lag() const {
    std::int64_t lag = 0;
    for (std::int32_t p = 0; p < end(); ++p)
        if (const Part* const part = find(p); part != nullptr && part->position >= 0)
            lag += std::max<std::int64_t>(0, head(p) - part->position);
    return lag;
}

}  // namespace stepcast::kafka
