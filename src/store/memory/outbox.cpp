#include "store/memory/outbox.hpp"

namespace stepcast::store {

const PendingMessage* Outbox::add(const OutboxMessage& message) {
    if (numbers_.contains(message.id)) return nullptr;
    const auto number = last_ + 1;
    restore({number, message});
    return &pending_.at(number);
}

void Outbox::restore(PendingMessage pending) {
    last_ = std::max(last_, pending.number);
    bytes_ += cost(pending.message);
    numbers_.emplace(pending.message.id, pending.number);
    const auto number = pending.number;
    pending_.emplace(number, std::move(pending));
}

std::uint64_t Outbox::remove(std::string_view id) {
    const auto found = numbers_.find(id);
    if (found == numbers_.end()) return 0;
    const auto number = found->second;
    numbers_.erase(found);
    const auto pending = pending_.find(number);
    bytes_ -= cost(pending->second.message);
    pending_.erase(pending);
    return number;
}

std::vector<PendingMessage> Outbox::read(std::uint64_t after, std::size_t limit) const {
    std::vector<PendingMessage> page;
    for (auto next = pending_.upper_bound(after); next != pending_.end() && page.size() < limit; ++next)
        page.push_back(next->second);
    return page;
}

}  // namespace stepcast::store
