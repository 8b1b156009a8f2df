#include "store/memory/outbox.hpp"

namespace stepcast::store {

PendingRef Outbox::add(const OutboxMessage& message, Timestamp at) {
    if (numbers_.contains(message.id)) return nullptr;
    auto pending = std::make_shared<const PendingMessage>(PendingMessage{last_ + 1, message, at});
    restore(pending);
    return pending;
}

void Outbox::restore(PendingRef pending) {
    const auto number = pending->number;
    last_ = std::max(last_, number);
    bytes_ += cost(pending->message);
    numbers_.emplace(pending->message.id, number);
    pending_.emplace_hint(pending_.end(), number, std::move(pending));
}

SentMessage Outbox::remove(std::string_view id, Timestamp now) {
    const auto found = numbers_.find(id);
    if (found == numbers_.end()) return {};
    const auto pending = pending_.find(found->second);
    const SentMessage sent{found->second, now, cost(pending->second->message)};
    numbers_.erase(found);
    bytes_ -= sent.bytes;
    pending_.erase(pending);
    return sent;
}

std::optional<Timestamp> Outbox::since() const {
    if (pending_.empty()) return std::nullopt;
    return pending_.begin()->second->at;
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

std::vector<PendingRef> Outbox::read(std::uint64_t after, std::size_t limit) const {
    std::vector<PendingRef> page;
    for (auto next = pending_.upper_bound(after); next != pending_.end() && page.size() < limit; ++next)
        page.push_back(next->second);
    return page;
}

}  // namespace stepcast::store
