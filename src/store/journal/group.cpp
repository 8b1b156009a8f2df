#include "store/journal/group.hpp"

#include <algorithm>
#include <iterator>

#include "store/memory/stream.hpp"

namespace stepcast::store {
namespace {

// About ten milliseconds: nobody's commit waits longer for what expired.
constexpr std::size_t most_removed = 4096;

constexpr std::uint64_t sqlite_page = 4096;

// SQLite's pages: a row that does not fit into one keeps a part there and has pages of its own.
std::uint64_t in_pages(std::uint64_t row, std::uint64_t most_inside) {
    constexpr std::uint64_t head = 8, cell = 6, least_inside = 489, overflow = sqlite_page - 4;
    std::uint64_t inside = row, outside = 0;
    if (row > most_inside) {
        const auto rest = least_inside + (row - least_inside) % overflow;
        inside = rest <= most_inside ? rest : least_inside;
        outside = (row - inside + overflow - 1) / overflow * sqlite_page;
    }
    return outside + sqlite_page / ((sqlite_page - head) / (inside + cell));
}

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

std::uint64_t row_bytes(std::size_t json, std::size_t metadata) {
    constexpr std::uint64_t beside = 59, most_inside = sqlite_page - 35;
    return in_pages(json + metadata + beside, most_inside);
}

// Its table is an index, whose pages hold four rows at least.
std::uint64_t snapshot_bytes(std::size_t state, std::size_t stream_id) {
    constexpr std::uint64_t beside = 80, most_inside = 1002;
    return in_pages(state + stream_id + beside, most_inside);
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

void JournalChanges::snapshot_saved(const Category& category, const StreamHead& head,
                                    const Snapshot& snapshot, std::optional<std::size_t> replaced) {
    pending_.added += snapshot_bytes(snapshot.state.size(), head.id.size());
    restored_snapshot(category, head.id, snapshot.state.size());
    if (replaced && !category.expires)
        permanent_snapshots_ -= std::min(permanent_snapshots_, snapshot_bytes(*replaced, head.id.size()));
    // What stays is no newer than the newest, so a trim through that takes all of it along.
    if (head.first_version > snapshot.version) forget_kept(category, head.id);
    add(pending_.changes, JournalGroup::Saved{&category, head, snapshot});
}

void JournalChanges::snapshot_kept(KeptSnapshot kept) {
    const auto state = kept.snapshot.state.size();
    pending_.added += snapshot_bytes(state, kept.stream_id.size());
    restored_kept(*kept.category, kept.stream_id, state);
    add(pending_.changes, std::move(kept));
}

void JournalChanges::snapshot_gone(const Category& category, std::string_view stream_id, std::size_t state) {
    if (!category.expires)
        permanent_snapshots_ -= std::min(permanent_snapshots_, snapshot_bytes(state, stream_id.size()));
    forget_kept(category, stream_id);
    add(pending_.changes, JournalGroup::Gone{&category, std::string{stream_id}});
}

void JournalChanges::restored_snapshot(const Category& category, std::string_view stream_id,
                                       std::size_t state) {
    if (!category.expires) permanent_snapshots_ += snapshot_bytes(state, stream_id.size());
}

void JournalChanges::restored_kept(const Category& category, std::string_view stream_id, std::size_t state) {
    const auto bytes = snapshot_bytes(state, stream_id.size());
    permanent_snapshots_ += bytes;
    kept_[stream_hash(category, stream_id)] += bytes;
}

void JournalChanges::forget_kept(const Category& category, std::string_view stream_id) {
    if (category.expires) return;
    const auto found = kept_.find(stream_hash(category, stream_id));
    if (found == kept_.end()) return;
    permanent_snapshots_ -= std::min(permanent_snapshots_, found->second);
    kept_.erase(found);
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
