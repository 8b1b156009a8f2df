// Reads of a journalled store: the memory store's, up to what is durable.
#include <algorithm>

#include "store/journal/journaled_store.hpp"

namespace stepcast::store {

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
    auto info = co_await memory_.stream_info(category, stream_id);
    while (info && info->last_position > durable_) {
        const auto version = info->version;
        const auto last = co_await memory_.read_stream(category, stream_id,
                                                       {Range::By::version, version - 1, version - 1, 1});
        const bool any = version > 1 && last && !last->events.empty();
        info->version = any ? version - 1 : 0;
        info->last_position = any ? last->events.front()->position() : 0;
    }
    co_return info;
}

awaitable<result<void>> JournaledStore::find_events(const Category& category, std::string_view stream_id,
                                                    std::span<const std::string_view> event_ids,
                                                    std::span<EventRef> found) {
    auto done = co_await memory_.find_events(category, stream_id, event_ids, found);
    for (auto& event : found)
        if (event && event->position() > durable_) event.reset();
    co_return done;
}

awaitable<result<std::optional<InboxMark>>> JournaledStore::handled(std::string_view consumer,
                                                                    std::string_view message_id) {
    if (!co_await durable(changes_.count())) co_return fail(errc::unavailable, {}, trouble_);
    co_return co_await memory_.handled(consumer, message_id);
}

awaitable<result<std::vector<PendingMessage>>> JournaledStore::outbox(std::uint64_t after,
                                                                      std::size_t limit) {
    if (!co_await durable(changes_.count())) co_return fail(errc::unavailable, {}, trouble_);
    co_return co_await memory_.outbox(after, limit);
}

awaitable<result<std::vector<Timer>>> JournaledStore::due(Timestamp now, std::size_t limit) {
    if (!co_await durable(changes_.count())) co_return fail(errc::unavailable, {}, trouble_);
    co_return co_await memory_.due(now, limit);
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
