#include "broadcast/table.hpp"

namespace stepcast::broadcast {

void Table::add(Session& session, const Topic& topic) {
    Map& map = topic.by == Topic::By::subject ? subjects_ : streams_;
    auto& entry = *map.try_emplace(Key{topic.category, topic.key}).first;
    session.by_ = topic.by;
    session.entry_ = &entry;
    session.place_ = static_cast<std::uint32_t>(entry.second.size());
    entry.second.push_back(&session);
}

void Table::remove(Session& session) {
    auto& entry = *static_cast<Entry*>(session.entry_);
    Sessions& sessions = entry.second;
    sessions[session.place_] = sessions.back();
    sessions[session.place_]->place_ = session.place_;
    sessions.pop_back();
    session.entry_ = nullptr;
    if (!sessions.empty()) return;
    Map& map = session.by_ == Topic::By::subject ? subjects_ : streams_;
    map.erase(map.find(entry.first));
}

}  // namespace stepcast::broadcast
