// How events leave memory once a journal has them, and how they are read back. Their indexes stay.
#include <algorithm>

#include "store/memory/memory_store.hpp"

namespace stepcast::store {

using event::Event;

namespace {

// Of a page of the feed's reader more than there are: about a tenth of a millisecond.
constexpr std::size_t most_at_once = 1024;

}  // namespace

void MemoryStore::let_go(Archive& archive, LetsGo which) {
    archive_ = &archive;
    lets_go_ = which;
}

void MemoryStore::let_go_behind(MemoryStream& stream, Version version) {
    if (lets_go(*stream.category)) leaving_.push_back({&stream, version});
}

void MemoryStore::let_go_due() {
    for (std::size_t left = most_at_once; left != 0 && !leaving_.empty();) {
        auto& [stream, through] = leaving_.front();
        const auto first = stream->first_version();
        auto next = std::max(stream->away_through + 1, first);
        if (next <= through && stream->events[through - first].position() > feed_.read) return;
        for (; next <= through && left != 0; ++next, --left) let_go_of(*stream, next);
        stream->away_through = std::max(stream->away_through, next - 1);
        if (next > through) leaving_.pop_front();
    }
}

// Only of one about whom its stream began with, so that what is away needs no name.
void MemoryStore::let_go_of(MemoryStream& stream, Version version) {
    auto& slot = stream.events[version - stream.first_version()];
    const Event* event = slot.event();
    const auto name = stream.subject == nullptr ? std::string_view{} : std::string_view{stream.subject->name};
    if (event == nullptr || event->subject() != name) return;
    stream.ids.keep_hashes(stream.first_version(), stream.events);
    const auto bytes = heap_bytes(event->memory());
    stream.bytes -= bytes;
    bytes_of(*stream.category) -= bytes;
    all_.let_go(slot.position());
    slot.let_go();
}

// Reads what is missing. What was removed meanwhile is null: who looks again does not meet it any more.
awaitable<result<void>> MemoryStore::recall(Recalled& recalled) {
    if (recalled.missing.empty()) co_return result<void>{};
    auto rows = co_await archive_->read_rows(recalled.missing);
    if (!rows) co_return tl::unexpected{std::move(rows.error())};
    for (std::size_t i = 0; i < rows->size(); ++i) {
        const auto position = recalled.missing[i];
        if ((*rows)[i] == nullptr && all_.holds(position))
            co_return fail(errc::unavailable, {},
                           "the event at position " + std::to_string(position) + " is missing");
        recalled.events[position] = std::move((*rows)[i]);
    }
    recalled.missing.clear();
    co_return result<void>{};
}

// Null if it is away and was not recalled.
const Event* MemoryStore::event_of(const EventSlot& slot, Recalled& recalled) const {
    if (const Event* event = slot.event()) return event;
    const auto found = recalled.events.find(slot.position());
    return found == recalled.events.end() ? nullptr : found->second.get();
}

// None also where that depends on an event that is missing, which `recalled` then says.
std::optional<std::size_t> MemoryStore::index_of(const MemoryStream& stream, std::string_view event_id,
                                                 Recalled& recalled) const {
    return stream.ids.find(IdTable::hash(event_id), stream.events.size(), stream.first_version(),
                           [&](std::size_t index) {
                               const auto& slot = stream.events[index];
                               const Event* event = event_of(slot, recalled);
                               if (event == nullptr) recalled.missing.push_back(slot.position());
                               return event != nullptr && event->id() == event_id;
                           });
}

// Puts into its places what is away. What was removed meanwhile is left out and told as lost, by the highest
// loss of all: one too many may be announced, one too few never.
awaitable<result<Page>> MemoryStore::fetch(Drawn drawn) {
    auto rows = co_await archive_->read_rows(drawn.away);
    if (!rows) co_return tl::unexpected{std::move(rows.error())};
    auto& page = drawn.page;
    std::size_t next = 0;
    for (auto& event : page.events) {
        if (event != nullptr) continue;
        const auto position = drawn.away[next];
        event = std::move((*rows)[next++]);
        if (!all_.holds(position) || (event != nullptr && hidden(*event)))
            event.reset();
        else if (event == nullptr)
            co_return fail(errc::unavailable, {},
                           "the event at position " + std::to_string(position) + " is missing");
    }
    if (std::erase(page.events, nullptr) != 0)
        page.lost_through = std::max(page.lost_through, tombstones_.highest());
    co_return std::move(page);
}

}  // namespace stepcast::store
