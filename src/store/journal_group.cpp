#include "store/journal_group.hpp"

#include <algorithm>
#include <iterator>

namespace stepcast::store {
namespace {

// About ten milliseconds: nobody's commit waits longer for what expired.
constexpr std::size_t most_removed = 4096;

}  // namespace

bool JournalGroup::removes(Position position) const {
    // Hardly ever is one of an event that is as new as these.
    return !removed.empty() && removed.back() >= position && std::ranges::binary_search(removed, position);
}

void JournalChanges::removed(Position position) {
    add(pending_.removed, position);
}

void JournalChanges::give_removals(JournalGroup& to) {
    const auto move = [](auto& from, auto& into) {
        into.insert(into.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
        from.clear();
    };
    move(pending_.changes, to.changes);
    move(pending_.removed, to.removed);
    std::ranges::sort(to.removed);
}

void JournalChanges::source_moved(const SourceOffset& source) {
    ++count_;
    const std::tuple<std::string_view, std::string_view, std::int32_t> key{source.consumer, source.topic,
                                                                           source.partition};
    const auto known = pending_.sources.find(key);
    if (known != pending_.sources.end())
        known->second = source.offset;
    else
        pending_.sources.emplace(key, source.offset);
}

JournalGroup JournalChanges::take() {
    JournalGroup group = std::exchange(pending_, {});
    if (group.erases || group.removed.size() <= most_removed) {
        std::ranges::sort(group.removed);  // they came stream by stream
        return group;
    }
    const auto rest = group.removed.begin() + most_removed;
    pending_.removed.assign(rest, group.removed.end());
    group.removed.erase(rest, group.removed.end());
    std::ranges::sort(group.removed);
    // A loss is forgotten only once what it hides is gone.
    pending_.forgot = std::exchange(group.forgot, std::nullopt);
    return group;
}

}  // namespace stepcast::store
