#include "broadcast/table.hpp"

namespace stepcast::broadcast {

void Table::add(Subscription& subscription, const Topic& topic) {
    Map& map = topic.by == Topic::By::subject ? subjects_ : streams_;
    auto& entry = *map.try_emplace(Key{topic.category, topic.key}).first;
    subscription.by_ = topic.by;
    subscription.entry_ = &entry;
    subscription.place_ = static_cast<std::uint32_t>(entry.second.size());
    entry.second.push_back(&subscription);
}

void Table::remove(Subscription& subscription) {
    auto& entry = *static_cast<Entry*>(subscription.entry_);
    Subscriptions& all = entry.second;
    all[subscription.place_] = all.back();
    all[subscription.place_]->place_ = subscription.place_;
    all.pop_back();
    subscription.entry_ = nullptr;
    if (!all.empty()) return;
    Map& map = subscription.by_ == Topic::By::subject ? subjects_ : streams_;
    map.erase(map.find(entry.first));
}

}  // namespace stepcast::broadcast
