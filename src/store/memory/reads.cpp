#include <algorithm>
#include <iterator>

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

// Adds to the page, or, if it is full, notes that there is more. False ends the read.
bool add(Page& page, const Range& range, const Event* event, std::uint64_t number) {
    if (number > range.to) return false;
    if (page.events.size() == range.limit) {
        page.more = true;
        page.through = page.events.empty() ? range.from - 1 : page.through;
        return false;
    }
    page.events.emplace_back(event);
    page.through = number;
    return true;
}

}  // namespace

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

Page MemoryStore::page_of(const MemoryStream& stream, Range range) const {
    Page page;
    const bool by_version = range.by == Range::By::version;
    const auto number = [&](std::size_t i) {
        return by_version ? stream.first_version() + i : stream.events[i]->position();
    };
    std::size_t low = 0;
    for (std::size_t high = stream.events.size(); low < high;) {
        const std::size_t middle = (low + high) / 2;
        if (number(middle) < range.from)
            low = middle + 1;
        else
            high = middle;
    }
    while (low < stream.events.size() && add(page, range, stream.events[low].get(), number(low))) ++low;
    return page;
}

awaitable<result<Page>> MemoryStore::read_stream(const Category& category, std::string_view stream_id,
                                                 Range range) {
    range.from = std::max<std::uint64_t>(range.from, 1);
    const bool by_version = range.by == Range::By::version;
    const auto* stream = find(category, stream_id);
    Page page;
    if (stream != nullptr) {
        if (by_version && range.from < stream->first_version())
            co_return fail(
                errc::trimmed, "version",
                "versions below " + std::to_string(stream->first_version()) + " were folded into a snapshot");
        page = page_of(*stream, range);
    }
    if (!page.more)
        page.through = decided(range, !by_version ? head() : stream == nullptr ? 0 : stream->version);
    page.lost_through = tombstones_.through(stream_hash(category, stream_id));
    co_return page;
}

// Events that have expired and are not removed yet are passed over, a bounded number of them at once.
Page MemoryStore::page_of(const MemorySubject& subject, Range range) const {
    Page page;
    std::size_t budget = std::min(range.limit, SIZE_MAX - hidden_budget) + hidden_budget;
    subject.positions.visit_from(range.from, [&](Position position) {
        if (position <= range.to && budget-- == 0) {
            page.more = true;
            return false;
        }
        const Event* event = all_.at(position);
        if (event != nullptr && !hidden(*event)) return add(page, range, event, position);
        if (position <= range.to) page.through = position;
        return position <= range.to;
    });
    return page;
}

awaitable<result<Page>> MemoryStore::read_subject(std::string_view subject, Categories categories,
                                                  Range range) {
    range.from = std::max<Position>(range.from, 1);
    Page page;
    Position end = range.to;  // up to which all of them are read
    for (const Category* category : categories) {
        const auto hash = subject_hash(*category, subject);
        page.lost_through = std::max(page.lost_through, lost_by(*category, subject));
        const auto* found = subjects_.find(hash, {*category, subject});
        if (found == nullptr) continue;
        auto one = page_of(*found, range);
        if (one.more) end = std::min(end, one.through);
        page.more = page.more || one.more;
        std::ranges::move(one.events, std::back_inserter(page.events));
    }
    if (categories.size() > 1) {
        std::ranges::sort(page.events, {}, [](const EventRef& event) { return event->position(); });
        while (!page.events.empty() && page.events.back()->position() > end) page.events.pop_back();
        if (page.events.size() > range.limit) {
            page.more = true;
            page.events.resize(range.limit);
            end = page.events.empty() ? range.from - 1 : page.events.back()->position();
        }
    }
    page.through = page.more ? end : decided(range, head());
    co_return page;
}

awaitable<result<Page>> MemoryStore::read_all(Range range) {
    range.from = std::max<Position>(range.from, 1);
    Page page;
    std::size_t budget = scan_budget;
    Position from = range.from;
    while (const Position next = all_.next(from, range.to, budget)) {
        const Event* event = all_.at(next);
        if (!hidden(*event) && !add(page, range, event, next)) break;
        from = next + 1;
    }
    if (!page.more && budget == 0 && from <= std::min(range.to, head())) {
        page.more = true;
        page.through = from - 1;
    }
    if (!page.more) page.through = decided(range, head());
    page.lost_through = tombstones_.highest();
    co_return page;
}

awaitable<result<StreamInfo>> MemoryStore::stream_info(const Category& category, std::string_view stream_id) {
    StreamInfo info;
    if (const auto* stream = find(category, stream_id)) {
        info.version = stream->version;
        info.first_version = stream->first_version();
        info.last_position = stream->last_position;
    }
    info.lost_through = tombstones_.through(stream_hash(category, stream_id));
    co_return info;
}

awaitable<result<void>> MemoryStore::find_events(const Category& category, std::string_view stream_id,
                                                 std::span<const std::string_view> event_ids,
                                                 std::span<EventRef> found) {
    const auto* stream = find(category, stream_id);
    for (std::size_t i = 0; i < event_ids.size(); ++i) {
        const auto at = stream == nullptr ? std::nullopt
                                          : stream->ids.find(IdTable::hash(event_ids[i]), event_ids[i],
                                                             stream->events, stream->first_version());
        found[i] = at ? stream->events[*at] : EventRef{};
    }
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

awaitable<result<std::vector<PendingMessage>>> MemoryStore::outbox(std::uint64_t after, std::size_t limit) {
    co_return outbox_.read(after, limit);
}

awaitable<result<std::vector<Timer>>> MemoryStore::due(Timestamp now, std::size_t limit) {
    co_return timers_.due(now, limit);
}

awaitable<result<std::optional<Snapshot>>> MemoryStore::load_snapshot(const Category& category,
                                                                      std::string_view stream_id) {
    const auto* stream = find(category, stream_id);
    if (stream == nullptr || stream->snapshot == nullptr) co_return std::nullopt;
    co_return *stream->snapshot;
}

}  // namespace stepcast::store
