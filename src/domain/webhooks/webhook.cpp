#include "domain/webhooks/webhook.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "aio/backoff.hpp"
#include "aio/spawn.hpp"

namespace stepcast::webhooks {
namespace {

using namespace std::chrono_literals;
using aio::awaitable;

constexpr std::string_view feed_topic = "feed";
constexpr std::string_view letter_topic = "webhooks";
constexpr std::string_view id_header = "webhook-id";
constexpr std::string_view stalled = "STALLED";
constexpr std::size_t page_size = 256;
constexpr std::size_t most_fresh = 4096;
constexpr std::size_t most_stalls = 10'000;
constexpr event::Position tell_every = 10'000;  // positions that a start reads for nothing at most

}  // namespace

Webhook::Webhook(const domain::Parts& parts, const event::Category& category, asio::thread_pool& files,
                 Options options)
    : parts_{parts},
      category_{category},
      options_{std::move(options)},
      consumer_{flow::letter_consumer(timer_kind(options_.name))},
      wants_stalls_{std::ranges::find(options_.events, stalled) != options_.events.end()},
      sender_{parts.io, files, options_, parts.clock},
      wake_{parts.core},
      gate_{parts.core} {
    for (const auto type : category.types)
        wanted_.push_back(std::ranges::find(options_.events, type) != options_.events.end());
}

awaitable<bool> Webhook::restore() {
    aio::Backoff backoff{500ms, 5s};
    while (!stop_.raised()) {
        const auto known = co_await parts_.store.source_offsets(consumer_, feed_topic);
        if (known && !known->empty() &&
            static_cast<event::Position>(known->front().offset) <= parts_.store.head()) {
            stored_ = read_ = static_cast<event::Position>(known->front().offset);
            seen_ = parts_.hub.applied();
            co_return true;
        }
        if (known) {
            store::Commit first;
            const auto head = parts_.store.head();
            first.source =
                store::SourceOffset{consumer_, feed_topic, 0, static_cast<std::int64_t>(head), true};
            if (co_await parts_.committer.commit(std::move(first))) continue;
        }
        spdlog::warn("webhook {} waits for the store", options_.name);
        co_await stop_.pause(backoff.next());
    }
    co_return false;
}

void Webhook::start() {
    parts_.dead_letters.join(consumer_, *this);
    aio::spawn_critical(parts_.core, "webhook", [this, hold = gate_.enter()] { return run(); });
}

awaitable<void> Webhook::stop() {
    parts_.dead_letters.leave(consumer_);
    stop_.raise();
    wake_.notify();
    co_await gate_.close();
}

bool Webhook::wants(const event::Event& event) const {
    return &event.category() == &category_ && wanted_[event.type_index()];
}

void Webhook::note(std::span<const event::EventRef> events, event::Position through) {
    seen_ = std::max(seen_, through);
    if (behind_) return;
    for (const auto& event : events) {
        if (!wants(*event) || event->position() <= read_) continue;
        if (fresh_.size() == most_fresh) {
            behind_ = true;
            break;
        }
        fresh_.push_back(event);
    }
    if (!fresh_.empty()) wake_.notify();
}

void Webhook::note_stalled(std::string_view task, event::Version version) {
    if (!wants_stalls_) return;
    if (stalls_.size() == most_stalls) {
        ++counts_.dropped;
        return;
    }
    stalls_.emplace_back(task, version);
    wake_.notify();
}

awaitable<void> Webhook::run() {
    aio::Backoff backoff{100ms, 5s};
    while (!stop_.raised()) {
        const auto more = co_await take_in();
        begin_due();
        if (!more && !stop_.raised()) {
            spdlog::warn("webhook {} waits for the store: {}", options_.name, more.error().text());
            co_await stop_.pause(backoff.next());
            continue;
        }
        backoff.reset();
        if (more && !*more) co_await wake_.wait(idle());
    }
}

// The wall clock may be set meanwhile, so no wait is long.
std::chrono::steady_clock::duration Webhook::idle() const {
    const auto due = queue_.next_due();
    if (!due || in_flight_ >= options_.in_flight) return 1s;
    return std::clamp<std::chrono::steady_clock::duration>(*due - parts_.clock.now(), 1ms, 1s);
}

// True if there is more at once.
awaitable<result<bool>> Webhook::take_in() {
    if (queue_.bytes() >= options_.max_pending) co_return false;
    if (!stalls_.empty()) {
        if (auto taken = co_await take_stalled(); !taken) co_return tl::unexpected{std::move(taken.error())};
    }
    auto taken = co_await read_feed();
    if (!taken) co_return tl::unexpected{std::move(taken.error())};
    const bool tells = !taken->deliveries.empty() || taken->through >= stored_ + tell_every;
    if (tells) {
        store::Commit commit;
        commit.source =
            store::SourceOffset{consumer_, feed_topic, 0, static_cast<std::int64_t>(taken->through)};
        for (const auto& delivery : taken->deliveries)
            commit.timers.push_back(timer_of(options_.name, delivery));
        const auto written = co_await parts_.committer.commit(std::move(commit));
        if (!written) co_return fail(written.error().code, {}, written.error().detail);
        stored_ = taken->through;
    }
    read_ = std::max(read_, taken->through);
    while (!fresh_.empty() && fresh_.front()->position() <= read_) fresh_.pop_front();
    for (auto& delivery : taken->deliveries) queue_.add(std::move(delivery));
    co_return taken->more || !stalls_.empty();
}

awaitable<result<Webhook::Taken>> Webhook::read_feed() {
    Taken taken{.through = read_};
    if (!fresh_.empty()) {
        for (const auto& event : fresh_) {
            if (taken.deliveries.size() == page_size) break;
            add_wanted(taken.deliveries, *event);
            taken.through = event->position();
        }
        taken.more = taken.deliveries.size() < fresh_.size() || behind_;
        co_return taken;
    }
    if (!behind_) {
        taken.through = seen_;
        co_return taken;
    }
    const auto to = seen_;
    if (read_ < to) {
        const auto page = co_await parts_.store.read_all({.from = read_ + 1, .to = to, .limit = page_size});
        if (!page) co_return tl::unexpected{page.error()};
        for (const auto& event : page->events)
            if (wants(*event)) add_wanted(taken.deliveries, *event);
        taken.through = page->more ? page->through : to;
    }
    behind_ = taken.through < seen_;
    taken.more = behind_;
    co_return taken;
}

void Webhook::add_wanted(std::vector<Delivery>& to, const event::Event& event) const {
    to.push_back(delivery_of(event, event.type(), event.recorded_at()));
    to.back().due = parts_.clock.now();
}

// A start finds the same tasks stalled that the last one found; a mark says which of them were told.
awaitable<result<void>> Webhook::take_stalled() {
    const auto [task, version] = stalls_.front();
    const auto found = co_await parts_.store.read_stream(
        category_, task, {.by = store::Range::By::version, .from = version, .to = version, .limit = 1});
    if (!found && found.error().code == store::errc::unavailable) co_return tl::unexpected{found.error()};
    stalls_.pop_front();
    if (!found || found->events.empty()) co_return result<void>{};  // it has expired meanwhile
    const auto now = parts_.clock.now();
    auto delivery = delivery_of(*found->events.front(), stalled, now);
    store::Commit commit;
    commit.inbox = store::InboxMark{.consumer = consumer_,
                                    .message_id = fmt::format("{} {}", delivery.id(), delivery.position),
                                    .expires = now + options_.remember};
    commit.timers.push_back(timer_of(options_.name, delivery));
    flow::Committer::Attempts attempts;
    const auto written =
        co_await parts_.committer.commit(std::move(commit), flow::Committer::Full::waits, &attempts);
    if (!written) co_return fail(written.error().code, {}, written.error().detail);
    // What is known behind a first attempt that failed is its own.
    if (!written->deduplicated || !attempts.empty()) queue_.add(std::move(delivery));
    co_return result<void>{};
}

void Webhook::begin_due() {
    while (in_flight_ < options_.in_flight && !stop_.raised()) {
        const auto* const next = queue_.take(parts_.clock.now());
        if (next == nullptr) return;
        ++in_flight_;
        aio::spawn_critical(parts_.core, "webhook delivery",
                            [this, delivery = *next, hold = gate_.enter()] { return deliver(delivery); });
    }
}

awaitable<void> Webhook::deliver(Delivery delivery) {
    if (!co_await parked_behind(delivery)) co_await send(delivery);
    --in_flight_;
    wake_.notify();
}

// What comes behind a dead letter of its task is parked, too. False if there is none.
awaitable<bool> Webhook::parked_behind(const Delivery& delivery) {
    ++looking_;
    bus::Record record;
    record.key = delivery.task;
    const auto found = co_await parts_.dead_letters.parked(consumer_, letter_topic, {&record, 1});
    const bool behind = !found.empty();
    if (behind) co_await park(delivery, {errc::behind, {}, "one of its task before it is a dead letter"});
    --looking_;
    co_return behind;
}

awaitable<void> Webhook::send(Delivery& delivery) {
    const auto answer = co_await sender_.send(delivery.id(), delivery.body, stop_);
    if (!answer) co_return;
    note_outcome(answer->taken);
    if (answer->taken) {
        store::Commit over;
        over.fired.push_back(timer_id(options_.name, delivery));
        if (co_await parts_.committer.commit(std::move(over))) queue_.remove(delivery.task);
        co_return;
    }
    ++delivery.attempts;
    if (delivery.attempts >= options_.max_attempts) co_return co_await park(delivery, answer->taken.error());
    const auto asked = std::min<Duration>(answer->retry_after, options_.retry_max);
    const auto pause = aio::Backoff::after(delivery.attempts, options_.retry, options_.retry_max);
    co_await try_again(delivery, std::max(std::chrono::duration_cast<Duration>(pause), asked));
}

awaitable<void> Webhook::park(const Delivery& delivery, Error why) {
    flow::Letter letter{.consumer = consumer_,
                        .topic = std::string{letter_topic},
                        .place = {0, static_cast<std::int64_t>(delivery.position)},
                        .timestamp = delivery.at,
                        .key = delivery.task,
                        .value = delivery.body,
                        .headers = {{std::string{id_header}, delivery.id()}},
                        .error_class = why.code.message(),
                        .error_message = why.detail,
                        .attempts = delivery.attempts,
                        .behind = why.code == errc::behind};
    store::Commit with;
    with.fired.push_back(timer_id(options_.name, delivery));
    if (co_await parts_.dead_letters.bury(std::move(letter), std::move(with))) {
        ++counts_.dead;
        queue_.remove(delivery.task);
    } else if (!stop_.raised()) {
        spdlog::warn("webhook {}: dead letters find no room (dead_letters.max_bytes), {} is tried again",
                     options_.name, delivery.id());
        co_await try_again(delivery, options_.retry_max);
    }
}

awaitable<void> Webhook::try_again(const Delivery& delivery, Duration pause) {
    Delivery later = delivery;
    later.due = parts_.clock.now() + pause;
    store::Commit commit;
    commit.timers.push_back(timer_of(options_.name, later));
    if (co_await parts_.committer.commit(std::move(commit)))
        queue_.put_back(later.task, later.attempts, later.due);
}

// A line when it begins to fail and when it does no more: each attempt would be a flood.
void Webhook::note_outcome(const result<void>& taken) {
    ++(taken ? counts_.delivered : counts_.failed);
    if (failing_ == !taken) return;
    failing_ = !taken;
    if (failing_)
        spdlog::warn("webhook {}: its receiver fails: {}", options_.name, taken.error().detail);
    else
        spdlog::info("webhook {}: its receiver takes again", options_.name);
}

awaitable<std::optional<Webhook::Outcome>> Webhook::hand_over(const bus::Record& record) {
    std::string id;
    for (const auto& [name, value] : record.headers())
        if (name == id_header) id = value;
    const auto answer = co_await sender_.send(std::move(id), std::string{record.value.value_or("")}, stop_);
    if (!answer) co_return std::nullopt;
    note_outcome(answer->taken);
    co_return answer->taken;
}

awaitable<bool> Webhook::between_batches() {
    while (looking_ != 0)
        if (!co_await stop_.pause(10ms)) break;
    co_return !stop_.raised();
}

void Webhook::read_metrics(MetricSink& sink) const {
    const auto row = [&](std::string_view outcome, std::uint64_t count) {
        sink.counter(
            "stepcast_webhook_deliveries_total",
            "Attempts that a receiver took, attempts that failed, deliveries that became dead letters, and "
            "stalls that found no room",
            static_cast<double>(count), {{"webhook", options_.name}, {"outcome", outcome}});
    };
    row("delivered", counts_.delivered);
    row("failed", counts_.failed);
    row("dead", counts_.dead);
    row("dropped", counts_.dropped);
    sink.gauge("stepcast_webhook_pending", "Deliveries that wait for their next attempt, or are under way",
               static_cast<double>(queue_.size()), {{"webhook", options_.name}});
}

}  // namespace stepcast::webhooks
