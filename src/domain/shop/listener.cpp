#include "domain/shop/listener.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "aio/backoff.hpp"
#include "aio/spawn.hpp"
#include "event/spans.hpp"
#include "flow/cause.hpp"

namespace stepcast::shop {

using namespace std::chrono_literals;
using Failure = flow::Consumer::Failure;

Listener::Listener(const domain::Parts& parts, std::string_view prefix, std::string_view service,
                   std::string_view topic, Read read)
    : core_{parts.core},
      name_{fmt::format("{} service: {}", service, topic)},
      topic_{std::string{prefix}.append(topic)},
      group_{fmt::format("{}{}-service.{}", prefix, service, topic)},
      read_{std::move(read)},
      consumer_{parts.io, parts.bus, parts.dead_letters, name_},
      room_{consumer_.strand()} {}

void Listener::start() {
    consumer_.start(bus::GroupSubscription{.topic = topic_, .group = group_, .max_batch = 256}, *this);
}

aio::awaitable<void> Listener::stop() {
    return aio::run_on(consumer_.strand(), [this]() -> aio::awaitable<void> {
        room_.notify();
        return consumer_.stop();
    });
}

aio::awaitable<std::vector<Failure>> Listener::take(std::span<const bus::Record> records) {
    std::vector<Failure> failures;
    for (const auto& record : records) {
        while (at_work_ >= max_at_once && !consumer_.stopping()) co_await room_.wait(1s);
        if (consumer_.stopping()) break;
        auto work = record.value ? read_(*record.value)
                                 : result<Work>{fail(errc::malformed, {}, "a record without a value")};
        if (!work) {
            failures.push_back({&record, Failure::Kind::poison, std::move(work.error())});
            continue;
        }
        if (!*work) {
            consumer_.done(record.place);
            continue;
        }
        ++at_work_;
        aio::spawn_critical(consumer_.strand(), "shop message",
                            [this, work = std::move(*work), cause = flow::cause_of(record, topic_),
                             place = record.place, hold = consumer_.enter()]() mutable {
                                return carry_out(std::move(work), std::move(cause), place);
                            });
    }
    co_return failures;
}

aio::awaitable<void> Listener::carry_out(Work work, event::Metadata cause, bus::Place place) {
    aio::Backoff backoff{50ms, 5s};
    auto span = event::OpenSpan::within(cause.traceparent, event::Span::Kind::consumer);
    if (span) {
        span.call("consume " + topic_);
        span.add("messaging.destination.name", topic_);
        span.add("messaging.consumer.group.name", group_);
        span.add("messaging.destination.partition.id", std::to_string(place.partition));
        span.add("messaging.message.id", cause.causation_id);
        cause.traceparent = span.traceparent();
    }
    while (!consumer_.stopping()) {
        const auto done = co_await aio::run_on(core_, [&] { return work(cause); });
        if (done) {
            consumer_.done(place);
            break;
        }
        spdlog::warn("{} waits: {}", name_, done.error().text());
        co_await consumer_.pause(backoff.next());
    }
    --at_work_;
    room_.notify();
}

}  // namespace stepcast::shop
