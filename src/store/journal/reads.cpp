// Reads of a journalled store: the memory store's, up to what is durable.
#include <algorithm>
#include <iterator>

#include <spdlog/spdlog.h>

#include "aio/offload.hpp"
#include "store/journal/journaled_store.hpp"

namespace stepcast::store {
namespace {

// Of one transaction of the reader: some milliseconds.
constexpr std::size_t rows_per_read = 512;

}  // namespace

awaitable<result<std::vector<EventRef>>> JournaledStore::read_rows(std::span<const Position> positions) {
    const auto hold = gate_.enter();
    std::vector<EventRef> events;
    events.reserve(positions.size());
    while (events.size() != positions.size()) {
        if (!hold || closing_) co_return fail(errc::unavailable, {}, "the store is closing");
        const auto page =
            positions.subspan(events.size(), std::min(rows_per_read, positions.size() - events.size()));
        auto read = co_await aio::offload(readers_, [this, page] { return reader_->read(page); });
        if (!read) {
            spdlog::error("{}", read.error().text());
            co_return fail(errc::unavailable, {}, std::move(read.error().detail));
        }
        std::ranges::move(*read, std::back_inserter(events));
    }
    co_return events;
}

// A snapshot spares a fold and says nothing else: where none can be read, the events are.
awaitable<std::optional<KeptSnapshot>> JournaledStore::read_kept(const Category& category,
                                                                 std::string_view stream_id,
                                                                 Version through) {
    const auto hold = gate_.enter();
    if (!hold || closing_) co_return std::nullopt;
    auto read = co_await aio::offload(readers_,
                                      [&, this] { return reader_->read_kept(category, stream_id, through); });
    if (read) co_return std::move(*read);
    spdlog::error("{}", read.error().text());
    co_return std::nullopt;
}

awaitable<result<Page>> JournaledStore::read_stream(const Category& category, std::string_view stream_id,
                                                    Range range) {
    if (range.by == Range::By::position) {
        range.to = std::min(range.to, durable_);
        co_return co_await memory_.read_stream(category, stream_id, range);
    }
    auto page = co_await memory_.read_stream(category, stream_id, range);
    while (page && !page->events.empty() && page->events.back()->position() > durable_) {
        page->through = page->events.back()->version() - 1;
        page->more = false;
        page->events.pop_back();
    }
    co_return page;
}

awaitable<result<Page>> JournaledStore::read_subject(std::string_view subject, Categories categories,
                                                     Range range) {
    range.to = std::min(range.to, durable_);
    co_return co_await memory_.read_subject(subject, categories, range);
}

awaitable<result<Page>> JournaledStore::read_all(Range range) {
    range.to = std::min(range.to, durable_);
    co_return co_await memory_.read_all(range);
}

awaitable<result<StreamInfo>> JournaledStore::stream_info(const Category& category,
                                                          std::string_view stream_id) {
    co_return memory_.info_until(category, stream_id, durable_);
}

awaitable<result<void>> JournaledStore::find_events(const Category& category, std::string_view stream_id,
                                                    std::span<const std::string_view> event_ids,
                                                    std::span<EventRef> found) {
    auto done = co_await memory_.find_events(category, stream_id, event_ids, found);
    for (auto& event : found)
        if (event && event->position() > durable_) event.reset();
    co_return done;
}

// These read first and wait then: what is numbered while they wait is not durable when they end, and a
// message that was sent for it would tell of an event that a kill takes away.
awaitable<result<std::optional<InboxMark>>> JournaledStore::handled(std::string_view consumer,
                                                                    std::string_view message_id) {
    auto found = co_await memory_.handled(consumer, message_id);
    if (!co_await durable(changes_.count())) co_return fail(errc::unavailable, {}, trouble_);
    co_return found;
}

awaitable<result<std::vector<PendingRef>>> JournaledStore::outbox(std::uint64_t after, std::size_t limit) {
    auto found = co_await memory_.outbox(after, limit);
    if (!co_await durable(changes_.count())) co_return fail(errc::unavailable, {}, trouble_);
    co_return found;
}

awaitable<result<std::vector<Timer>>> JournaledStore::due(Timestamp now, std::size_t limit) {
    auto found = co_await memory_.due(now, limit);
    if (!co_await durable(changes_.count())) co_return fail(errc::unavailable, {}, trouble_);
    co_return found;
}

awaitable<result<void>> JournaledStore::save_snapshot(const Category& category, std::string_view stream_id,
                                                      Snapshot snapshot, bool trim) {
    auto saved = co_await memory_.save_snapshot(category, stream_id, std::move(snapshot), trim);
    if (!saved) co_return saved;
    const auto ticket = changes_.count();
    write_soon();
    if (!co_await durable(ticket)) co_return fail(errc::unavailable, {}, trouble_);
    co_return saved;
}

awaitable<result<EventStore::Expired>> JournaledStore::cleanup(Timestamp now) {
    bound_expiry();
    auto expired = co_await memory_.cleanup(now);
    write_soon();
    co_return expired;
}

Stats JournaledStore::stats() const {
    auto stats = memory_.stats();
    stats.head = durable_;
    return stats;
}

}  // namespace stepcast::store
