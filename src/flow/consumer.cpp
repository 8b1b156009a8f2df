#include "flow/consumer.hpp"

#include <spdlog/spdlog.h>
#include <algorithm>
#include <unordered_set>
#include <utility>

#include "aio/backoff.hpp"
#include "aio/spawn.hpp"
#include "aio/unless.hpp"
#include "flow/kill_point.hpp"

namespace stepcast::flow {
namespace {

using namespace std::chrono_literals;
constexpr auto quiet = 250ms;
constexpr auto short_quiet = 5ms;
const KillPoint after_consume{"after-consume"};
const KillPoint before_offset{"before-offset"};

/// Records that are given again, and how often each was tried.
struct Again {
    std::vector<bus::Record> records;
    std::vector<std::uint32_t> tries;
};

}  // namespace

Consumer::Consumer(asio::io_context& io, bus::MessageBus& bus, DeadLetters& dead_letters,
                   std::string_view name, Order order)
    : strand_{asio::make_strand(io)},
      bus_{bus},
      dead_letters_{dead_letters},
      name_{name},
      id_{letter_consumer(name)},
      order_{order},
      gate_{strand_} {}

void Consumer::start(Subscription subscription, Handler& handler) {
    topic_ = std::visit([](const auto& of) { return of.topic; }, subscription);
    if (auto* group = std::get_if<bus::GroupSubscription>(&subscription))
        from_ = bus_.subscribe(std::move(*group), strand_);
    else
        from_ = bus_.replay(std::get<bus::ReplaySubscription>(std::move(subscription)), strand_);
    dead_letters_.join(id_, *this);
    subscribed_.store(true, std::memory_order_release);
    aio::spawn_critical(strand_, name_, [this, &handler, hold = gate_.enter()] { return run(handler); });
}

aio::awaitable<void> Consumer::stop() {
    stop_.raise();
    return aio::run_on(strand_, [this]() -> aio::awaitable<void> {
        co_await gate_.close();
        if (!from_) co_return;
        dead_letters_.leave(id_);
        from_->let_go();
        co_await from_->close();
    });
}

aio::awaitable<bool> Consumer::until_readable(std::function<aio::awaitable<result<void>>()> read) {
    aio::Backoff backoff{500ms, 5s};
    while (!stopping()) {
        const auto done = co_await read();
        if (done) co_return true;
        spdlog::warn("{} waits for the store: {}", name_, done.error().text());
        if (!co_await pause(backoff.next())) break;
    }
    co_return false;
}

aio::awaitable<std::optional<result<std::vector<bus::Place>>>> Consumer::produce(
    std::vector<bus::Message> messages) {
    return aio::unless(stop_, bus_.produce(std::move(messages)));
}

void Consumer::done(bus::Place place) {
    if (place.again) return end_letter(place, LetterReceiver::Outcome{});
    before_offset.pass();
    from_->done(place);
}

aio::awaitable<void> Consumer::run(Handler& handler) {
    co_await handler.begin();
    std::chrono::steady_clock::time_point asked_at{};
    // A letter that a stop left without a place must not be passed by what stands behind it.
    for (bool going = true; going && !stopping();) {
        // Where one letter was handed over the next is not far.
        const bool lately = std::chrono::steady_clock::now() - asked_at < 1s;
        if (const auto batch = co_await from_->next(lately ? short_quiet : quiet)) {
            after_consume.pass();
            going = co_await (keeps_order() ? handle_in_order(batch->records, handler)
                                            : handle(batch->records, handler));
        }
        if (going && !asked_.empty()) {
            co_await take_asked(handler);
            asked_at = std::chrono::steady_clock::now();
        }
        co_await handler.look();
    }
    ended_ = true;
    for (auto* const asked : asked_) asked->told.notify();
    for (auto* const asked : given_) asked->told.notify();
}

// In parts in which no key stands twice: what fails is parked before the next of its key is looked at. False
// if a stop came first.
aio::awaitable<bool> Consumer::handle_in_order(std::span<const bus::Record> records, Handler& handler) {
    std::unordered_set<std::string_view> keys;
    std::vector<bus::Record> part;
    for (std::size_t i = 0; i <= records.size() && !stopping(); ++i) {
        const bool keyed = i < records.size() && records[i].key;
        if (i == records.size() || (keyed && keys.contains(*records[i].key))) {
            if (!co_await park_behind(part, handler)) co_return false;
            if (!part.empty() && !co_await handle(part, handler)) co_return false;
            part.clear();
            keys.clear();
        }
        if (i < records.size()) part.push_back(records[i]);
        if (keyed) keys.insert(*records[i].key);
    }
    co_return !stopping();
}

// Takes those out whose key has a letter. False if a stop came first.
aio::awaitable<bool> Consumer::park_behind(std::vector<bus::Record>& records, Handler& handler) {
    const auto parked = co_await dead_letters_.parked(id_, topic_, records);
    std::vector<DeadLetters::Letter> letters;
    for (const auto* record : parked)
        letters.push_back({record, "behind", "one of its key before it is a dead letter", 0, true});
    if (letters.empty()) co_return true;
    if (!co_await bury(letters, handler)) co_return false;
    std::erase_if(records, [&](const bus::Record& record) {
        return std::ranges::any_of(parked, [&](const auto* each) { return each->place == record.place; });
    });
    co_return true;
}

// False if a stop came first.
aio::awaitable<bool> Consumer::handle(std::span<const bus::Record> records, Handler& handler) {
    Again given;  // what `records` are, but for the first time
    aio::Backoff backoff{100ms, 5s};
    while (!stopping()) {
        const auto failures = co_await handler.take(records);
        std::vector<DeadLetters::Letter> letters;
        Again again;
        for (const auto& [record, kind, error, tries] : failures) {
            const auto index = static_cast<std::size_t>(record - records.data());
            const auto all = tries + (given.tries.empty() ? 0 : given.tries[index]);
            if (kind == Failure::Kind::poison) {
                letters.push_back({record, error.code.message(), error.text(), all});
                continue;
            }
            if (again.records.empty()) spdlog::warn("{} waits: {}", name_, error.text());
            again.records.push_back(*record);
            again.tries.push_back(all);
        }
        if (!letters.empty() && !co_await bury(letters, handler)) break;
        if (again.records.empty()) co_return true;
        if (!co_await stop_.pause(backoff.next())) break;
        given = std::move(again);
        records = given.records;
    }
    co_return false;
}

// False if a stop came first.
aio::awaitable<bool> Consumer::bury(const std::vector<DeadLetters::Letter>& letters, Handler& handler) {
    const DeadLetters::Way way{id_, topic_, keeps_order(), handler.copies_letters(),
                               [&handler] { return handler.moves(); }};
    if (!co_await dead_letters_.bury(way, letters)) co_return false;
    for (const auto& letter : letters) from_->done(letter.record->place);
    co_await handler.buried();
    co_return true;
}

aio::awaitable<std::optional<Consumer::Outcome>> Consumer::hand_over(const bus::Record& record) {
    return aio::run_on(strand_, [this, &record] { return ask(&record); });
}

aio::awaitable<bool> Consumer::between_batches() {
    co_return (co_await aio::run_on(strand_, [this] { return ask(nullptr); })).has_value();
}

aio::awaitable<std::optional<Consumer::Outcome>> Consumer::ask(const bus::Record* record) {
    const auto hold = gate_.enter();
    if (!hold || ended_) co_return std::nullopt;
    Asked asked{record, {}, aio::Notice{strand_}};
    asked_.push_back(&asked);
    co_await asked.told.wait();
    co_return std::move(asked.outcome);
}

// What fails in passing is given again, and nothing else meanwhile, as with a batch.
aio::awaitable<void> Consumer::take_asked(Handler& handler) {
    aio::Backoff backoff{100ms, 5s};
    while (!asked_.empty() && !stopping()) {
        Asked& asked = *asked_.front();
        if (asked.record == nullptr) {
            asked_.pop_front();
            asked.outcome.emplace();
            asked.told.notify();
            continue;
        }
        const auto place = asked.record->place;
        asked_.pop_front();
        given_.push_back(&asked);
        const auto failures = co_await handler.take({asked.record, 1});
        if (!failures.empty() && failures[0].kind == Failure::Kind::passing) {
            std::erase(given_, &asked);
            asked_.push_front(&asked);
            spdlog::warn("{} waits: {}", name_, failures[0].error.text());
            co_await stop_.pause(backoff.next());
            continue;
        }
        if (!failures.empty()) end_letter(place, tl::unexpected{failures[0].error});
    }
}

void Consumer::end_letter(bus::Place place, Outcome outcome) {
    const auto found =
        std::ranges::find_if(given_, [&](const Asked* asked) { return asked->record->place == place; });
    if (found == given_.end()) return;
    (*found)->outcome = std::move(outcome);
    (*found)->told.notify();
    given_.erase(found);
}

}  // namespace stepcast::flow
