#include "store/memory/timers.hpp"

namespace stepcast::store {

void Timers::set(Timer timer) {
    remove(timer.id);
    bytes_ += cost(timer);
    const Timestamp due = timer.due;
    std::string id = timer.id;
    const auto added = timers_.emplace(std::move(id), std::move(timer)).first;
    order_.emplace(due, added->first);
}

bool Timers::remove(std::string_view id) {
    const auto found = timers_.find(id);
    if (found == timers_.end()) return false;
    order_.erase({found->second.due, found->first});
    bytes_ -= cost(found->second);
    timers_.erase(found);
    return true;
}

std::uint64_t Timers::held_by(std::string_view id) const {
    const auto found = timers_.find(id);
    return found == timers_.end() ? 0 : cost(found->second);
}

std::vector<Timer> Timers::due(Timestamp now, std::size_t limit) const {
    std::vector<Timer> page;
    for (auto next = order_.begin(); next != order_.end() && next->first <= now && page.size() < limit;
         ++next)
        page.push_back(timers_.find(next->second)->second);
    return page;
}

}  // namespace stepcast::store
