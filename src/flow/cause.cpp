#include "flow/cause.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "base/text.hpp"

namespace stepcast::flow {
namespace {

bool fits(std::string_view text) {
    return !text.empty() && text.size() <= event::max_metadata_text && valid_utf8(text);
}

}  // namespace

std::string message_id(std::span<const event::HeaderView> headers, std::string_view topic, bus::Place place) {
    const auto named = std::ranges::find(headers, event::message_id_header, &event::HeaderView::name);
    if (named != headers.end() && !named->value.empty() && valid_utf8(named->value))
        return std::string{named->value};
    return fmt::format("{}-{}-{}", topic, place.partition, place.offset);
}

event::Metadata cause_of(const bus::Record& record, std::string_view topic) {
    const auto headers = record.headers();
    auto cause = event::caused_by(event::metadata_of(headers), message_id(headers, topic, record.place));
    if (cause.correlation_id.empty())
        cause.correlation_id =
            record.key && fits(*record.key) ? std::string{*record.key} : cause.causation_id;
    return cause;
}

aio::awaitable<event::Metadata> cause_in(store::EventStore& store, const event::Category& category,
                                         std::string stream_id) {
    event::Metadata without{.correlation_id = stream_id};
    const auto info = co_await store.stream_info(category, stream_id);
    if (!info || info->version == 0) co_return without;
    const auto page = co_await store.read_stream(
        category, stream_id, {store::Range::By::version, info->version, info->version, 1});
    if (!page || page->events.empty()) co_return without;
    const auto& last = *page->events.front();
    auto cause = event::caused_by(event::read_metadata(last.metadata()).value_or(event::Metadata{}),
                                  event::reference_of(last));
    if (cause.correlation_id.empty()) cause.correlation_id = std::move(stream_id);
    co_return cause;
}

void lay_on(store::Commit& commit, const event::Metadata& cause) {
    if (cause.empty()) return;
    std::string own;  // written where an event lacks it
    auto of_messages = cause;
    for (auto& append : commit.appends) {
        for (auto& draft : append.events) {
            if (!draft->metadata().empty()) continue;
            if (own.empty()) own = event::to_json(cause);
            draft = event::with_metadata(draft, own);
        }
        if (!append.events.empty()) of_messages.causation_id = event::reference_of(*append.events.front());
    }
    const auto headers = event::to_headers(of_messages);
    for (auto& message : commit.outbox)
        message.headers.insert(message.headers.end(), headers.begin(), headers.end());
}

}  // namespace stepcast::flow
