#include "store/memory/outbox.hpp"

namespace stepcast::store {

const PendingMessage* Outbox::add(const OutboxMessage& message, Timestamp at) {
    if (numbers_.contains(message.id)) return nullptr;
    const auto number = last_ + 1;
    restore({number, message, at});
    return &pending_.at(number);
}

void Outbox::restore(PendingMessage pending) {
    last_ = std::max(last_, pending.number);
    bytes_ += cost(pending.message);
    numbers_.emplace(pending.message.id, pending.number);
    const auto number = pending.number;
    pending_.emplace(number, std::move(pending));
}

SentMessage Outbox::remove(std::string_view id, Timestamp now) {
    const auto found = numbers_.find(id);
    if (found == numbers_.end()) return {};
    const auto pending = pending_.find(found->second);
    const SentMessage sent{found->second, now, cost(pending->second.message)};
    numbers_.erase(found);
    bytes_ -= sent.bytes;
    pending_.erase(pending);
    return sent;
}

std::optional<Timestamp> Outbox::since() const {
    if (pending_.empty()) return std::nullopt;
    return pending_.begin()->second.at;
}

void Outbox::keep(SentMessage sent) {
    last_ = std::max(last_, sent.number);  // its row stands under that number
    sent_bytes_ += sent.bytes;
    sent_.push_back(sent);
}

std::uint64_t Outbox::forget(Timestamp until, std::uint64_t most_bytes) {
    if (sent_.empty() || (sent_.front().at > until && sent_bytes_ <= most_bytes)) return 0;
    const auto [number, at, bytes] = sent_.front();
    sent_bytes_ -= bytes;
    sent_.pop_front();
    return number;
}

std::vector<PendingMessage> Outbox::read(std::uint64_t after, std::size_t limit) const {
    std::vector<PendingMessage> page;
    for (auto next = pending_.upper_bound(after); next != pending_.end() && page.size() < limit; ++next)
        page.push_back(next->second);
    return page;
}

}  // namespace stepcast::store
