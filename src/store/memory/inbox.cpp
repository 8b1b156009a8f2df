#include "store/memory/inbox.hpp"

namespace stepcast::store {

void Inbox::add(const InboxMark& mark) {
    const auto [added, fresh] = marks_.insert(mark);
    if (!fresh) return;
    by_expiry_.emplace(mark.expires, &*added);
    bytes_ += cost(mark);
}

const InboxMark* Inbox::find(std::string_view consumer, std::string_view message_id) const {
    const auto found = marks_.find(InboxMark{std::string{consumer}, std::string{message_id}, {}});
    return found == marks_.end() ? nullptr : &*found;
}

bool Inbox::forget(Timestamp now, std::size_t limit) {
    bool any = false;
    for (auto next = by_expiry_.begin(); next != by_expiry_.end() && next->first <= now && limit != 0;
         --limit) {
        bytes_ -= cost(*next->second);
        marks_.erase(marks_.find(*next->second));
        next = by_expiry_.erase(next);
        any = true;
    }
    return any;
}

}  // namespace stepcast::store
