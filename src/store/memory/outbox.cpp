#include "store/memory/outbox.hpp"

namespace stepcast::store {

const Owed* Outbox::add(const OutboxMessage& message) {
    if (numbers_.contains(message.id)) return nullptr;
    const auto number = last_ + 1;
    restore({number, message});
    return &owed_.at(number);
}

void Outbox::restore(Owed owed) {
    last_ = std::max(last_, owed.number);
    bytes_ += cost(owed.message);
    numbers_.emplace(owed.message.id, owed.number);
    const auto number = owed.number;
    owed_.emplace(number, std::move(owed));
}

std::uint64_t Outbox::remove(std::string_view id) {
    const auto found = numbers_.find(id);
    if (found == numbers_.end()) return 0;
    const auto number = found->second;
    numbers_.erase(found);
    const auto owed = owed_.find(number);
    bytes_ -= cost(owed->second.message);
    owed_.erase(owed);
    return number;
}

std::vector<Owed> Outbox::read(std::uint64_t after, std::size_t limit) const {
    std::vector<Owed> page;
    for (auto next = owed_.upper_bound(after); next != owed_.end() && page.size() < limit; ++next)
        page.push_back(next->second);
    return page;
}

}  // namespace stepcast::store
