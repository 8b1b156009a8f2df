#include "domain/shop/listener.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <asio/post.hpp>
#include <utility>

#include "aio/backoff.hpp"
#include "aio/spawn.hpp"
#include "aio/turn.hpp"
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
    while (at_work_ >= max_at_once && !consumer_.stopping()) co_await room_.wait(1s);
    std::vector<Failure> failures;
    if (consumer_.stopping()) co_return failures;
    std::vector<Message> messages;
    for (const auto& record : records) {
        auto work = record.value ? read_(*record.value)
                                 : result<Work>{fail(errc::malformed, {}, "a record without a value")};
        if (!work)
            failures.push_back({&record, Failure::Kind::poison, std::move(work.error())});
        else if (!*work)
            consumer_.done(record.place);
        else
            messages.push_back({std::move(*work), flow::cause_of(record, topic_), record.place});
    }
    if (!messages.empty()) hand_over(std::move(messages));
    co_return failures;
}

// Strands are changed once for a batch.
void Listener::hand_over(std::vector<Message> messages) {
    if (at_work_ == 0) works_ = consumer_.enter();
    at_work_ += messages.size();
    aio::spawn_critical(core_, "shop messages", [this, messages = std::move(messages)]() mutable {
        return begin_all(std::move(messages));
    });
}

aio::awaitable<void> Listener::begin_all(std::vector<Message> messages) {
    auto began = std::chrono::steady_clock::now();
    for (auto& message : messages) {
        aio::spawn_critical(core_, "shop message", [this, message = std::move(message)]() mutable {
            return carry_out(std::move(message));
        });
        if (std::chrono::steady_clock::now() - began < 1ms) continue;
        co_await aio::next_turn();
        began = std::chrono::steady_clock::now();
    }
}

aio::awaitable<void> Listener::carry_out(Message message) {
    auto& [work, cause, place] = message;
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
    bool done = false;
    while (!done && !consumer_.stopping()) {
        const auto carried_out = co_await work(cause);
        done = carried_out.has_value();
        if (!done) {
            spdlog::warn("{} waits: {}", name_, carried_out.error().text());
            co_await consumer_.pause(backoff.next());
        }
    }
    end({place, done});
}

// And once for all that end in one turn.
void Listener::end(Ended ended) {
    ended_.push_back(ended);
    if (ended_.size() > 1) return;
    asio::post(core_, [this] {
        asio::post(consumer_.strand(), [this, all = std::exchange(ended_, {})] { settle(all); });
    });
}

void Listener::settle(std::span<const Ended> all) {
    for (const auto& [place, done] : all)
        if (done) consumer_.done(place);
    at_work_ -= all.size();
    room_.notify();
    if (at_work_ == 0) works_ = {};
}

}  // namespace stepcast::shop
