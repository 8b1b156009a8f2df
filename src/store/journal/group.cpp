#include "store/journal/group.hpp"

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

void JournalGroup::arrange() {
    if (!std::ranges::is_sorted(removed)) std::ranges::sort(removed);
}

std::uint64_t row_bytes(const event::Event& event) {
    return row_bytes(event.body().size() + 1, event.metadata().size());
}

// SQLite's table pages: a row that does not fit into one keeps a part there and has pages of its own.
std::uint64_t row_bytes(std::size_t json, std::size_t metadata) {
    constexpr std::uint64_t page = 4096, head = 8, beside = 59, cell = 6;
    constexpr std::uint64_t most_inside = page - 35, least_inside = 489, overflow = page - 4;
    const std::uint64_t row = json + metadata + beside;
    std::uint64_t inside = row, outside = 0;
    if (row > most_inside) {
        const auto rest = least_inside + (row - least_inside) % overflow;
        inside = rest <= most_inside ? rest : least_inside;
        outside = (row - inside + overflow - 1) / overflow * page;
    }
    return outside + page / ((page - head) / (inside + cell));
}

void JournalGroup::join(JournalGroup later) {
    const auto move = [](auto& from, auto& into) {
        into.insert(into.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
    };
    move(later.events, events);
    move(later.changes, changes);
    move(later.removed, removed);
    for (const auto& [source, offset] : later.sources) sources[source] = offset;
    move(later.messages, messages);
    move(later.sent, sent);
    move(later.gone, gone);
    move(later.marks, marks);
    move(later.timers, timers);
    if (later.forgot) forgot = later.forgot;
    if (later.forgot_marks) forgot_marks = later.forgot_marks;
    added += later.added;
    freed += later.freed;
    erases = erases || later.erases;
}

void JournalChanges::removed(const event::Event& event) {
    removed(event.category(), event.position(), row_bytes(event));
}

// Its row counts as much as one does on the average.
void JournalChanges::removed_away(const Category& category, Position position) {
    removed(category, position, permanent_rows_ == 0 ? 0 : permanent_ / permanent_rows_);
}

void JournalChanges::removed(const Category& category, Position position, std::uint64_t bytes) {
    pending_.freed += bytes;
    if (!category.expires) {
        permanent_ -= std::min(permanent_, bytes);
        permanent_rows_ -= std::min<std::uint64_t>(permanent_rows_, 1);
    }
    add(pending_.removed, position);
}

void JournalChanges::removed(std::span<const Position> hidden, std::uint64_t bytes) {
    pending_.freed += bytes;
    for (const auto position : hidden) add(pending_.removed, position);
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

JournalGroup JournalChanges::take(std::uint64_t room) {
    JournalGroup group = std::exchange(pending_, {});
    const std::size_t all = group.removed.size();
    std::size_t taken = room >= group.freed ? all : all * room / group.freed;
    if (taken = std::max(taken, most_removed); taken < all && !group.erases) {
        pending_.freed = group.freed / all * (all - taken);
        group.freed -= pending_.freed;
        const auto rest = group.removed.begin() + static_cast<std::ptrdiff_t>(taken);
        pending_.removed.assign(rest, group.removed.end());
        group.removed.erase(rest, group.removed.end());
        // A loss is forgotten only once what it hides is gone.
        pending_.forgot = std::exchange(group.forgot, std::nullopt);
    }
    return group;
}

}  // namespace stepcast::store
