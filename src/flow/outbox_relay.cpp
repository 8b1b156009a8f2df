#include "flow/outbox_relay.hpp"

#include <spdlog/spdlog.h>
#include <algorithm>

#include "aio/backoff.hpp"
#include "aio/spawn.hpp"
#include "aio/unless.hpp"
#include "base/random.hpp"
#include "event/metadata.hpp"
#include "event/spans.hpp"
#include "flow/kill_point.hpp"

namespace stepcast::flow {
namespace {

using namespace std::chrono_literals;
using aio::awaitable;

constexpr std::size_t page_size = 256;
const KillPoint before_publish{"before-publish"};
const KillPoint after_publish{"after-publish"};

bool has_header(const std::vector<event::Header>& headers, std::string_view name) {
    return std::ranges::find(headers, name, &event::Header::name) != headers.end();
}

event::OpenSpan span_of(const store::OutboxMessage& message) {
    const auto trace = std::ranges::find(message.headers, "traceparent", &event::Header::name);
    if (trace == message.headers.end()) return {};
    auto span = event::OpenSpan::within(trace->value, event::Span::Kind::producer);
    if (!span) return span;
    span.call("publish " + message.topic);
    span.add("messaging.destination.name", message.topic);
    span.add("messaging.message.id", message.id);
    return span;
}

}  // namespace

OutboxRelay::OutboxRelay(const aio::Strand& core, store::EventStore& store, Committer& committer,
                         bus::MessageBus& bus, Options options)
    : core_{core},
      store_{store},
      committer_{committer},
      bus_{bus},
      options_{options},
      holder_{random_uuid()},
      wake_{core},
      gate_{core} {}

void OutboxRelay::serve(const std::string& topic) {
    for (const auto& known : topics_)
        if (known.name == topic) return;
    topics_.emplace_back(topic, core_);
}

void OutboxRelay::start(std::function<bool()> ready) {
    aio::spawn_critical(core_, "outbox relay",
                        [this, ready = std::move(ready), hold = gate_.enter()] { return begin(ready); });
}

awaitable<void> OutboxRelay::begin(std::function<bool()> ready) {
    while (!ready())
        if (!co_await stop_.pause(20ms)) co_return;
    aio::spawn_critical(core_, "outbox relay", [this, hold = gate_.enter()] { return sort(); });
    for (auto& topic : topics_) {
        aio::spawn_critical(core_, "outbox relay",
                            [this, &topic, hold = gate_.enter()] { return send(topic); });
        aio::spawn_critical(core_, "outbox relay",
                            [this, &topic, hold = gate_.enter()] { return forget(topic); });
    }
}

void OutboxRelay::wake() {
    wake_.notify();
}

awaitable<void> OutboxRelay::stop() {
    stop_.raise();
    wake();
    for (auto& topic : topics_) topic.wake.notify();
    co_await gate_.close();
}

void OutboxRelay::read_metrics(MetricSink& sink, Timestamp now) const {
    const auto stats = store_.stats();
    sink.gauge("stepcast_outbox_pending", "Messages that commits owe the bus",
               static_cast<double>(stats.pending));
    const auto oldest = now - std::min(now, stats.pending_since.value_or(now));
    sink.gauge("stepcast_outbox_oldest_seconds", "How long the oldest of them has waited",
               std::chrono::duration<double>(oldest).count());
    for (const auto& topic : topics_) {
        const auto row = [&](std::string_view result, std::uint64_t count) {
            sink.counter(
                "stepcast_outbox_messages_total",
                "Messages that commits owed the bus: sent, or lost because it takes none of their size",
                static_cast<double>(count), {{"topic", topic.name}, {"result", result}});
        };
        row("sent", topic.sent);
        row("lost", topic.lost);
        sink.counter("stepcast_outbox_failures_total", "Attempts to send what is owed that the bus refused",
                     static_cast<double>(topic.failed), {{"topic", topic.name}});
    }
}

awaitable<void> OutboxRelay::sort() {
    while (!stop_.raised()) {
        if (const auto sorted = co_await sort_new(); !sorted)
            spdlog::warn("what is owed waits for the store: {}", sorted.error().text());
        if (!stop_.raised()) co_await wake_.wait(options_.look);
    }
}

// One reads for all topics: what each of them would read past is most of the outbox.
awaitable<result<void>> OutboxRelay::sort_new() {
    while (true) {
        auto page = co_await store_.outbox(read_, page_size);
        if (!page) co_return tl::unexpected{std::move(page.error())};
        for (auto& pending : *page) {
            read_ = pending->number;
            const auto topic = std::ranges::find(topics_, pending->message.topic, &Topic::name);
            if (topic == topics_.end()) continue;
            topic->wake.notify();
            if (!topic->behind) keep(*topic, std::move(pending));
        }
        if (page->size() < page_size) co_return result<void>{};
    }
}

void OutboxRelay::keep(Topic& topic, store::PendingRef pending) {
    if (topic.waiting.size() == most_kept())
        topic.behind = pending->number - 1;
    else
        topic.waiting.push_back(std::move(pending));
}

awaitable<void> OutboxRelay::send(Topic& topic) {
    aio::Backoff backoff{100ms, 5s};
    while (!stop_.raised()) {
        const auto sent = co_await send_next(topic);
        if (stop_.raised()) break;
        if (!sent) {
            ++topic.failed;
            spdlog::warn("what is owed to {} waits: {}", topic.name, sent.error().text());
            co_await stop_.pause(backoff.next());
            continue;
        }
        backoff.reset();
        if (!*sent) co_await topic.wake.wait(options_.look);
    }
    topic.sends = false;
    topic.forget.notify();
}

// False if there is nothing to send. Who has just taken the lease knows nothing of what its last holder sent.
awaitable<result<bool>> OutboxRelay::send_next(Topic& topic) {
    // All that is kept was sent; with the lease lost, it is read anew.
    const bool lost = topic.given != 0 && topic.fence.token == 0;
    if (topic.waiting.size() == topic.given && !lost && (!topic.behind || topic.given == most_kept()))
        co_return false;
    auto fence = co_await store_.lease("outbox of " + topic.name, holder_, options_.lease);
    if (!fence && fence.error().code == store::errc::held) co_return false;
    if (!fence) co_return tl::unexpected{std::move(fence.error())};
    if (fence->token != std::exchange(topic.fence, *fence).token) {
        topic.waiting.clear();
        topic.given = 0;
        topic.behind = 0;
    }
    if (topic.waiting.size() == topic.given)
        if (auto caught = co_await catch_up(topic); !caught)
            co_return tl::unexpected{std::move(caught.error())};
    if (topic.waiting.size() == topic.given) co_return false;
    const auto window = next_window(topic);
    before_publish.pass();
    if (auto produced = co_await produce(topic, window); !produced)
        co_return tl::unexpected{std::move(produced.error())};
    after_publish.pass();
    topic.given += window;
    topic.forget.notify();
    co_return true;
}

// They stay at the front until they are forgotten; more come behind them.
std::size_t OutboxRelay::next_window(const Topic& topic) const {
    const auto unsent = topic.waiting.size() - topic.given;
    const auto most = std::min<std::size_t>(unsent, topic.singles != 0 ? 1 : options_.window);
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < most; ++i) {
        bytes += topic.waiting[topic.given + i]->message.value.size();
        if (bytes > options_.window_bytes) return std::max<std::size_t>(i, 1);
    }
    return most;
}

// One commit at a time, of all that was sent during the one before. At a stop it has a last one.
awaitable<void> OutboxRelay::forget(Topic& topic) {
    aio::Backoff backoff{100ms, 5s};
    while (topic.sends || topic.given != 0) {
        if (topic.given == 0 || topic.fence.token == 0) {
            if (!topic.sends) co_return;
            co_await topic.forget.wait();
            continue;
        }
        const auto forgotten = co_await forget_given(topic);
        if (forgotten) {
            backoff.reset();
            continue;
        }
        if (stop_.raised()) co_return;
        ++topic.failed;
        spdlog::warn("that {} was given messages waits to be noted: {}", topic.name,
                     forgotten.error().text());
        co_await stop_.pause(backoff.next());
    }
}

awaitable<result<void>> OutboxRelay::forget_given(Topic& topic) {
    const auto count = topic.given;
    const auto token = topic.fence.token;
    std::vector<store::Commit> commits(1);
    commits[0].fence = topic.fence;
    commits[0].sent.reserve(count);
    for (std::size_t i = 0; i < count; ++i) commits[0].sent.push_back(topic.waiting[i]->message.id);
    const auto outcomes = co_await committer_.commit(commits);
    const bool held = topic.fence.token == token;
    if (!outcomes[0]) {
        // The lease is taken again, and all that is owed is read anew.
        if (held && outcomes[0].error().code == store::errc::fenced) topic.fence.token = 0;
        co_return fail(outcomes[0].error().code, {}, outcomes[0].error().detail);
    }
    if (!held) co_return result<void>{};
    topic.waiting.erase(topic.waiting.begin(), topic.waiting.begin() + static_cast<std::ptrdiff_t>(count));
    topic.given -= count;
    if (topic.behind) topic.wake.notify();
    co_return result<void>{};
}

// Reads past what is of other topics, until it has all that was shown, or as much as it may keep.
awaitable<result<void>> OutboxRelay::catch_up(Topic& topic) {
    while (topic.behind) {
        const auto shown = read_;
        auto page = co_await store_.outbox(*topic.behind, page_size);
        if (!page) co_return tl::unexpected{std::move(page.error())};
        auto after = std::max(*topic.behind, page->size() == page_size ? 0 : shown);
        topic.behind.reset();
        for (auto& pending : *page) {
            const auto number = pending->number;
            if (number > read_) co_return result<void>{};  // it will be shown
            if (pending->message.topic == topic.name) keep(topic, std::move(pending));
            if (topic.behind) co_return result<void>{};
            after = std::max(after, number);
        }
        // What was shown meanwhile is not all in this page.
        if (page->size() == page_size || read_ > shown) topic.behind = after;
    }
    co_return result<void>{};
}

// A message that the bus refuses for its size would keep all behind it for ever.
awaitable<result<void>> OutboxRelay::produce(Topic& topic, std::size_t window) {
    std::vector<bus::Message> messages;
    std::vector<event::OpenSpan> spans;
    messages.reserve(window);
    for (std::size_t i = 0; i < window; ++i) {
        const auto& message = topic.waiting[topic.given + i]->message;
        if (auto span = span_of(message)) spans.push_back(std::move(span));
        messages.push_back({message.topic, message.key, message.value});
        auto& headers = messages.back().headers;
        headers.reserve(message.headers.size() + 1);
        headers.assign(message.headers.begin(), message.headers.end());
        if (!has_header(headers, event::message_id_header))
            headers.push_back({std::string{event::message_id_header}, message.id});
    }
    auto produced = co_await aio::unless(stop_, bus_.produce(std::move(messages)));
    if (!produced) co_return fail(bus::errc::closed);
    if (!*produced) std::ranges::for_each(spans, &event::OpenSpan::fail);
    if (*produced) {
        topic.sent += window;
        topic.singles -= std::min(topic.singles, window);
        co_return result<void>{};
    }
    if (produced->error().code != bus::errc::too_large)
        co_return tl::unexpected{std::move(produced->error())};
    if (window > 1) {
        topic.singles = window;  // all of them: each further refusal would send what is before it twice
        co_return fail(bus::errc::too_large, {}, "one of several messages is too large: they go one by one");
    }
    ++topic.lost;
    topic.singles -= std::min(topic.singles, window);
    const auto& lost = topic.waiting[topic.given]->message;
    spdlog::error("{} takes no message of this size, it is given up: {}, {} bytes", topic.name, lost.id,
                  lost.value.size());
    co_return result<void>{};
}

}  // namespace stepcast::flow
