#include "domain/webhooks/queue.hpp"

#include <algorithm>

namespace stepcast::webhooks {
namespace {

std::uint64_t cost_of(const Delivery& delivery) {
    return sizeof(Delivery) + delivery.task.size() + delivery.body.size();
}

}  // namespace

void Queue::wait(Tasks::iterator task) {
    task->second.under_way = false;
    waiting_.emplace(task->second.deliveries.front().due, task->first);
}

void Queue::add(Delivery delivery) {
    const auto [task, fresh] = tasks_.try_emplace(delivery.task);
    auto& [deliveries, under_way] = task->second;
    if (std::ranges::any_of(deliveries, [&](const Delivery& known) {
            return known.position == delivery.position && known.event == delivery.event;
        }))
        return;
    if (!fresh && !under_way) waiting_.erase({deliveries.front().due, task->first});
    const auto behind = std::upper_bound(
        deliveries.begin() + (under_way ? 1 : 0), deliveries.end(), delivery.position,
        [](event::Position position, const Delivery& known) { return position < known.position; });
    ++size_;
    bytes_ += cost_of(delivery);
    deliveries.insert(behind, std::move(delivery));
    if (!under_way) wait(task);
}

const Delivery* Queue::take(Timestamp now) {
    if (waiting_.empty() || waiting_.begin()->first > now) return nullptr;
    const auto task = tasks_.find(waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
    task->second.under_way = true;
    return &task->second.deliveries.front();
}

void Queue::put_back(std::string_view task, std::uint32_t attempts, Timestamp due) {
    const auto found = tasks_.find(task);
    auto& delivery = found->second.deliveries.front();
    delivery.attempts = attempts;
    delivery.due = due;
    wait(found);
}

void Queue::remove(std::string_view task) {
    const auto found = tasks_.find(task);
    auto& deliveries = found->second.deliveries;
    --size_;
    bytes_ -= cost_of(deliveries.front());
    deliveries.pop_front();
    if (deliveries.empty())
        tasks_.erase(found);
    else
        wait(found);
}

std::optional<Timestamp> Queue::next_due() const {
    return waiting_.empty() ? std::nullopt : std::optional{waiting_.begin()->first};
}

}  // namespace stepcast::webhooks
