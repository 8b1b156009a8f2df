#include <algorithm>

#include "store/memory/memory_store.hpp"

namespace stepcast::store {

using event::Event;

namespace {

// Places that one page of read_all looks at: about a tenth of a millisecond.
constexpr std::size_t scan_budget = 1 << 16;
// Expired events that one page of a subject passes over: about as long.
constexpr std::size_t hidden_budget = 1 << 13;

// Numbers beyond `last` are not decided yet.
std::uint64_t decided(const Range& range, std::uint64_t last) {
    return std::max(range.from - 1, std::min(range.to, last));
}

}  // namespace

// Adds to the page, or, if it is full, notes that there is more. False ends the read.
bool MemoryStore::Drawn::add(const Range& range, const Event* event, Position position,
                             std::uint64_t number) {
    if (number > range.to) return false;
    if (page.events.size() == range.limit) {
        page.more = true;
        page.through = page.events.empty() ? range.from - 1 : page.through;
        return false;
    }
    page.events.emplace_back(event);
    if (event == nullptr) away.push_back(position);
    page.through = number;
    return true;
}

MemoryStream* MemoryStore::find(const Category& category, std::string_view stream_id) const {
    return streams_.find(stream_hash(category, stream_id), {category, stream_id});
}

bool MemoryStore::hidden(const Event& event) const {
    return std::ranges::any_of(removals_, [&](const Removal& removal) {
        return event.position() <= removal.through && &event.category() == removal.category &&
               event.stream_id() == removal.stream_id;
    });
}

// While a stream with several subjects is removed, each subject of its category counts as one of them: a loss
// too many may be announced, one too few never.
Position MemoryStore::lost_by(const Category& category, std::string_view subject) const {
    Position lost = tombstones_.through(subject_hash(category, subject));
    for (const auto& removal : removals_)
        if (removal.mixed && removal.category == &category) lost = std::max(lost, removal.through);
    return lost;
}

bool MemoryStore::shows(Position position) const {
    const Event* event = all_.at(position);
    return event == nullptr ? all_.holds(position) : !hidden(*event);
}

MemoryStore::Drawn MemoryStore::page_of(const MemoryStream& stream, Range range) {
    Drawn drawn;
    const bool by_version = range.by == Range::By::version;
    const auto number = [&](std::size_t i) {
        return by_version ? stream.first_version() + i : stream.events[i].position();
    };
    std::size_t low = 0;
    for (std::size_t high = stream.events.size(); low < high;) {
        const std::size_t middle = (low + high) / 2;
        if (number(middle) < range.from)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < stream.events.size(); ++low) {
        const auto& slot = stream.events[low];
        if (!drawn.add(range, slot.event(), slot.position(), number(low))) break;
    }
    return drawn;
}

awaitable<result<Page>> MemoryStore::read_stream(const Category& category, std::string_view stream_id,
                                                 Range range) {
    range.from = std::max<std::uint64_t>(range.from, 1);
    const bool by_version = range.by == Range::By::version;
    const auto* stream = find(category, stream_id);
    Drawn drawn;
    auto& page = drawn.page;
    if (stream != nullptr) {
        if (by_version && range.from < stream->first_version())
            co_return fail(
                errc::trimmed, "version",
                "versions below " + std::to_string(stream->first_version()) + " were folded into a snapshot");
        drawn = page_of(*stream, range);
    }
    if (!page.more)
        page.through = decided(range, !by_version ? head() : stream == nullptr ? 0 : stream->version);
    page.lost_through = tombstones_.through(stream_hash(category, stream_id));
    if (drawn.away.empty()) co_return std::move(page);
    co_return co_await fetch(std::move(drawn));
}

// Events that have expired and are not removed yet are passed over, a bounded number of them at once.
MemoryStore::Positions MemoryStore::positions_of(const MemorySubject& subject, Range range) const {
    Positions of;
    std::size_t budget = std::min(range.limit, SIZE_MAX - hidden_budget) + hidden_budget;
    subject.positions.visit_from(range.from, [&](Position position) {
        if (position > range.to) return false;
        const bool shown = shows(position);
        if (budget-- == 0 || (shown && of.found.size() == range.limit)) {
            of.more = true;
            of.through = std::max(of.through, range.from - 1);
            return false;
        }
        if (shown) of.found.push_back(position);
        of.through = position;
        return true;
    });
    return of;
}

awaitable<result<Page>> MemoryStore::read_subject(std::string_view subject, Categories categories,
                                                  Range range) {
    range.from = std::max<Position>(range.from, 1);
    Drawn drawn;
    auto& page = drawn.page;
    std::vector<Position> found;
    Position end = range.to;  // up to which all of them are read
    for (const Category* category : categories) {
        const auto hash = subject_hash(*category, subject);
        page.lost_through = std::max(page.lost_through, lost_by(*category, subject));
        const auto* known = subjects_.find(hash, {*category, subject});
        if (known == nullptr) continue;
        auto one = positions_of(*known, range);
        if (one.more) end = std::min(end, one.through);
        page.more = page.more || one.more;
        if (found.empty())
            found = std::move(one.found);
        else
            found.insert(found.end(), one.found.begin(), one.found.end());
    }
    if (categories.size() > 1) std::ranges::sort(found);
    if (page.more) found.erase(std::ranges::upper_bound(found, end), found.end());
    if (found.size() > range.limit) {
        page.more = true;
        found.resize(range.limit);
        end = found.empty() ? range.from - 1 : found.back();
    }
    for (const Position position : found) drawn.add(range, all_.at(position), position, position);
    page.through = page.more ? end : decided(range, head());
    if (drawn.away.empty()) co_return std::move(page);
    co_return co_await fetch(std::move(drawn));
}

awaitable<result<Page>> MemoryStore::read_all(Range range) {
    range.from = std::max<Position>(range.from, 1);
    Drawn drawn;
    auto& page = drawn.page;
    std::size_t budget = scan_budget;
    Position from = range.from;
    while (const Position next = all_.next(from, range.to, budget)) {
        const Event* event = all_.at(next);
        // What is away before the feed's reader was there is not meant for it.
        const bool shown = event == nullptr ? next <= feed_.passed : !hidden(*event);
        if (shown && !drawn.add(range, event, next, next)) break;
        from = next + 1;
    }
    if (!page.more && budget == 0 && from <= std::min(range.to, head())) {
        page.more = true;
        page.through = from - 1;
    }
    if (!page.more) page.through = decided(range, head());
    page.lost_through = tombstones_.highest();
    if (drawn.away.empty()) co_return std::move(page);
    co_return co_await fetch(std::move(drawn));
}

awaitable<result<StreamInfo>> MemoryStore::stream_info(const Category& category, std::string_view stream_id) {
    co_return info_until(category, stream_id, head());
}

StreamInfo MemoryStore::info_until(const Category& category, std::string_view stream_id,
                                   Position through) const {
    StreamInfo info;
    info.lost_through = tombstones_.through(stream_hash(category, stream_id));
    const auto* stream = find(category, stream_id);
    if (stream == nullptr) return info;
    info.first_version = stream->first_version();
    auto count = stream->events.size();
    if (stream->last_position <= through) {
        info.last_position = stream->last_position;
    } else {
        while (count != 0 && stream->events[count - 1].position() > through) --count;
        if (count == 0) return info;
        info.last_position = stream->events[count - 1].position();
    }
    info.version = info.first_version - 1 + count;
    return info;
}

awaitable<result<void>> MemoryStore::find_events(const Category& category, std::string_view stream_id,
                                                 std::span<const std::string_view> event_ids,
                                                 std::span<EventRef> found) {
    Recalled recalled;
    do {
        if (auto read = co_await recall(recalled); !read) co_return read;
        const auto* stream = find(category, stream_id);
        for (std::size_t i = 0; i < event_ids.size(); ++i) {
            const auto at = stream == nullptr ? std::nullopt : index_of(*stream, event_ids[i], recalled);
            found[i] = at ? EventRef{event_of(stream->events[*at], recalled)} : EventRef{};
        }
    } while (!recalled.missing.empty());
    co_return result<void>{};
}

awaitable<result<std::optional<InboxMark>>> MemoryStore::handled(std::string_view consumer,
                                                                 std::string_view message_id) {
    const auto* mark = inbox_.find(consumer, message_id);
    co_return mark == nullptr ? std::nullopt : std::optional{*mark};
}

awaitable<result<Fence>> MemoryStore::lease(std::string_view name, std::string_view holder,
                                            Duration duration) {
    auto fence = leases_.take(name, holder, duration, std::chrono::steady_clock::now());
    if (!fence) co_return fail(errc::held, {}, "another holder has the lease " + std::string{name});
    co_return std::move(*fence);
}

awaitable<result<Position>> MemoryStore::subject_lost_through(std::string_view subject,
                                                              Categories categories) {
    Position lost = 0;
    for (const Category* category : categories) lost = std::max(lost, lost_by(*category, subject));
    co_return lost;
}

awaitable<result<std::vector<PartitionOffset>>> MemoryStore::source_offsets(std::string_view consumer,
                                                                            std::string_view topic) {
    std::vector<PartitionOffset> offsets;
    for (const auto& source : sources_)
        if (source.consumer == consumer && source.topic == topic)
            offsets.push_back({source.partition, source.offset});
    std::ranges::sort(offsets, {}, &PartitionOffset::partition);
    co_return offsets;
}

awaitable<result<std::vector<PendingRef>>> MemoryStore::outbox(std::uint64_t after, std::size_t limit) {
    co_return outbox_.read(after, limit);
}

awaitable<result<std::vector<Timer>>> MemoryStore::due(Timestamp now, std::size_t limit) {
    co_return timers_.due(now, limit);
}

awaitable<result<std::optional<Snapshot>>> MemoryStore::load_snapshot(const Category& category,
                                                                      std::string_view stream_id,
                                                                      Version through) {
    const auto* stream = find(category, stream_id);
    if (stream == nullptr || stream->snapshot == nullptr) co_return std::nullopt;
    if (stream->snapshot->version <= through) co_return *stream->snapshot;
    if (category.expires || through < limits_.snapshot_stays_every) co_return std::nullopt;
    co_return co_await stayed(category, stream_id, through);
}

// What the archive says of a stream that is gone, or was numbered anew, is passed over.
awaitable<std::optional<Snapshot>> MemoryStore::stayed(const Category& category, std::string_view stream_id,
                                                       Version through) {
    const auto* stream = find(category, stream_id);
    if (archive_ == nullptr) {
        const auto* found = kept_snapshots_.find(*stream, through);
        co_return found == nullptr ? std::nullopt : std::optional{*found};
    }
    while (auto found = co_await archive_->read_kept(category, stream_id, through)) {
        auto& snapshot = found->snapshot;
        stream = find(category, stream_id);
        if (stream == nullptr || snapshot.version < stream->first_version()) break;
        if (snapshot.version <= stream->version &&
            stream->events[snapshot.version - stream->first_version()].position() == found->position)
            co_return std::move(snapshot);
        through = snapshot.version - 1;
    }
    co_return std::nullopt;
}

}  // namespace stepcast::store
