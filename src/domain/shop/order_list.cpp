#include "domain/shop/order_list.hpp"

#include <spdlog/spdlog.h>

#include "domain/shop/order_codec.hpp"

namespace stepcast::shop {
namespace {

constexpr std::size_t max_looked_at = 10'000;
constexpr std::uint64_t entry_bytes = 300;  // of an order in a map and two sets, estimated

OrderStatus status_by(OrderEventType type) {
    Order order;
    evolve(order, {.type = type});
    return order.status;
}

}  // namespace

std::span<const event::Category* const> OrderList::categories() const {
    static constexpr std::array<const event::Category*, 1> all{&order_category};
    return all;
}

aio::awaitable<void> OrderList::apply(std::span<const event::EventRef> events, event::Position through) {
    for (const auto& event : events)
        if (!orders_.apply(*event))
            spdlog::error("order {} cannot be read: it is missing in the list", event->stream_id());
    orders_.pass(through);
    co_return;
}

bool OrderIndex::apply(const event::Event& event) {
    const auto type = static_cast<OrderEventType>(event.type_index());
    const bool read = type != OrderEventType::created || add(event);
    if (const auto known = orders_.find(event.stream_id()); known != orders_.end())
        known->second.status = status_by(type);
    return read;
}

bool OrderIndex::add(const event::Event& event) {
    const auto read = decode_order(event);
    if (!read) return false;
    const auto [added, fresh] =
        orders_.try_emplace(std::string{event.stream_id()}, Entry{read->at, {}, read->customer});
    if (!fresh) return true;
    all_.insert(&*added);
    by_customer_[read->customer].insert(&*added);
    return true;
}

const OrderIndex::Entry* OrderIndex::find(std::string_view id) const {
    const auto known = orders_.find(id);
    return known == orders_.end() ? nullptr : &known->second;
}

std::string_view OrderIndex::id_of(std::string_view id) const {
    const auto known = orders_.find(id);
    return known == orders_.end() ? std::string_view{} : std::string_view{known->first};
}

std::uint64_t OrderIndex::memory() const {
    return orders_.size() * entry_bytes;
}

bool OrderIndex::shed(std::size_t count) {
    for (; count != 0 && !all_.empty(); --count) {
        const auto* order = *all_.begin();
        all_.erase(all_.begin());
        const auto theirs = by_customer_.find(order->second.customer);
        theirs->second.erase(order);
        if (theirs->second.empty()) by_customer_.erase(theirs);
        orders_.erase(orders_.find(order->first));
    }
    return !all_.empty();
}

OrderIndex::Found OrderIndex::search(const Question& question) const {
    Found found;
    const Sorted* sorted = &all_;
    if (!question.customer.empty()) {
        const auto theirs = by_customer_.find(question.customer);
        if (theirs == by_customer_.end()) return found;
        sorted = &theirs->second;
    }
    // All that were placed before `until` stand behind the place that has no id in the moment before it.
    auto at = question.after ? sorted->upper_bound(*question.after)
                             : sorted->lower_bound(Place{question.until - Duration{1}, ""});
    for (std::size_t looked_at = 0; at != sorted->end(); ++at) {
        const auto& [id, entry] = **at;
        if (entry.created_at < question.since) return found;
        if (found.ids.size() == question.limit || looked_at++ == max_looked_at) break;
        if (!question.status || *question.status == entry.status) found.ids.push_back(id);
        found.next = Place{entry.created_at, id};
    }
    if (at == sorted->end()) found.next.reset();
    return found;
}

}  // namespace stepcast::shop
