#include "domain/topics/watch.hpp"

#include <algorithm>

#include "aio/spawn.hpp"
#include "base/text.hpp"
#include "domain/topics/record_json.hpp"
#include "event/metadata.hpp"
#include "flow/cause.hpp"

namespace stepcast::topics {
namespace {

struct Found {
    std::string correlation_id;
    Traced item;
};

std::string text_of(std::span<const event::HeaderView> headers, std::string_view name) {
    const auto found = std::ranges::find(headers, name, &event::HeaderView::name);
    const bool fits =
        found != headers.end() && found->value.size() <= event::max_metadata_text && valid_utf8(found->value);
    return fits ? std::string{found->value} : std::string{};
}

// Nothing of a record that names no correlation.
std::optional<Found> look_at(const bus::Record& record, const std::string& topic, std::string_view sender) {
    const auto headers = record.headers();
    if (headers.empty()) return std::nullopt;
    auto metadata = event::metadata_of(headers);
    if (metadata.correlation_id.empty()) return std::nullopt;
    SeenMessage seen{.topic = topic, .partition = record.place.partition, .offset = record.place.offset};
    seen.key = record.key.value_or("");
    seen.value = record.text();
    seen.type = type_of(headers, seen.value);
    seen.id = flow::message_id(headers, topic, record.place);
    seen.causation_id = std::move(metadata.causation_id);
    seen.traceparent = std::move(metadata.traceparent);
    seen.service = text_of(headers, event::service_header);
    if (seen.service.empty()) seen.service = sender;
    return Found{std::move(metadata.correlation_id), {record.timestamp, std::move(seen)}};
}

}  // namespace

Watch::Watch(const domain::Parts& parts, TraceIndex& index, std::string topic, std::string_view sender)
    : core_{parts.core},
      clock_{parts.clock},
      index_{index},
      topic_{std::move(topic)},
      sender_{sender},
      name_{"traces: " + topic_},
      consumer_{parts.io, parts.bus, parts.dead_letters, name_} {}

void Watch::start(Timestamp since) {
    consumer_.start(bus::ReplaySubscription{.topic = topic_, .since = since}, *this);
}

aio::awaitable<std::vector<flow::Consumer::Failure>> Watch::take(std::span<const bus::Record> records) {
    std::vector<Found> all;
    for (const auto& record : records)
        if (auto found = look_at(record, topic_, sender_)) all.push_back(std::move(*found));
    if (!all.empty())
        co_await aio::run_on(core_, [this, &all]() -> aio::awaitable<void> {
            for (auto& [correlation_id, item] : all)
                index_.add(correlation_id, std::move(item), clock_.now());
            co_return;
        });
    for (const auto& record : records) consumer_.done(record.place);
    co_return std::vector<flow::Consumer::Failure>{};
}

}  // namespace stepcast::topics
