#include "domain/progress/intake.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>

#include "aio/spawn.hpp"
#include "aio/turn.hpp"
#include "base/hash.hpp"
#include "base/random.hpp"
#include "domain/progress/orders.hpp"
#include "event/json.hpp"

namespace stepcast::progress {
namespace {

std::string place(bool array, std::size_t index, std::string_view field) {
    return array ? fmt::format("[{}].{}", index, field) : std::string{field};
}

constexpr auto not_owner = "the task belongs to another user";
constexpr auto known_otherwise = "the eventId is known with another body";

// Of an array, for which a strand is held: some 100 µs.
constexpr std::size_t drafts_in_turn = 64;

// What the elements of one array say of each other.
awaitable<result<void>> check_among_themselves(const std::vector<ProgressEvent>& events) {
    if (events.size() < 2) co_return result<void>{};
    boost::unordered_flat_map<std::string_view, std::string_view, KeyedHash> owners;
    boost::unordered_flat_map<std::string, std::uint64_t, KeyedHash> bodies;
    for (std::size_t i = 0; i < events.size(); ++i) {
        const ProgressEvent& event = events[i];
        if (owners.try_emplace(event.task_id, event.user_id).first->second != event.user_id)
            co_return fail(errc::not_owner, place(true, i, "userId"), not_owner);
        if ((i + 1) % drafts_in_turn == 0) co_await aio::next_turn();
        if (event.event_id.empty()) continue;
        // Ids hold no control characters, so a line break keeps the pair apart.
        const auto [known, fresh] =
            bodies.try_emplace(event.task_id + '\n' + event.event_id, event.fingerprint);
        if (!fresh && known->second != event.fingerprint)
            co_return fail(errc::conflict, place(true, i, "eventId"),
                           "the same eventId stands twice with different bodies");
    }
    co_return result<void>{};
}

// What is given to the bus before anybody reads it is acknowledged at once, and may be gone at the next
// moment.
constexpr auto too_early = "the server starts and takes nothing yet";
constexpr auto full = "the store takes no further events now";

}  // namespace

// What the projection and the store know now; of an array, and over a bus that tells nothing of what becomes
// of a record, a race that they cannot see becomes a dead letter.
awaitable<result<void>> ProgressIntake::check(const std::vector<ProgressEvent>& events, bool array) {
    if (auto agreed = co_await check_among_themselves(events); !agreed) co_return agreed;
    co_return co_await aio::run_on(service_.core(), [this, &events, array]() -> awaitable<result<void>> {
        for (std::size_t i = 0; i < events.size(); ++i) {
            if ((i + 1) % drafts_in_turn == 0) co_await aio::next_turn();
            const ProgressEvent& event = events[i];
            const Task* task = service_.projection().find(event.task_id);
            if (task == nullptr) continue;
            if (task->user->id != event.user_id)
                co_return fail(errc::not_owner, place(array, i, "userId"), not_owner);
            if (event.event_id.empty()) continue;
            const auto known = co_await service_.store().find_event(category, event.task_id, event.event_id);
            if (known && *known && (*known)->fingerprint() != event.fingerprint)
                co_return fail(errc::conflict, place(array, i, "eventId"), known_otherwise);
        }
        co_return result<void>{};
    });
}

bool ProgressIntake::store_paused() const {
    return committer_.paused() != flow::Committer::Pause::none;
}

// Refused by the consumer, which had the event alone, or by the bus: one that does not answer may only be
// waiting for the store.
tl::unexpected<Error> ProgressIntake::not_given(Error why, bool array) const {
    if (&why.code.category() != &bus::make_error_code(bus::errc::busy).category()) {
        why.field = place(array, 0, why.field);
        if (why.code == errc::conflict) why.detail = known_otherwise;
    } else if (store_paused()) {
        return fail(bus::errc::busy, {}, full);
    }
    return tl::unexpected{std::move(why)};
}

// The event itself where consumers take it from us; else, and where it needs the task's past to be complete,
// what was sent.
bus::Message ProgressIntake::message_of(ProgressEvent& event) const {
    thread_local std::string text;
    bus::Message message{.topic = events_topic_, .key = event.task_id, .value = {}};
    if (event.event_id.empty()) event.event_id = random_uuid();
    if (bus_.in_process() && complete_alone(event, service_.clock().now()))
        message.draft = make_draft(event, text);
    else
        encode_sent(event, message.value);
    return message;
}

void ProgressIntake::count_rejected(std::string_view code) {
    const auto known = std::ranges::find(reasons, code) - reasons.begin();
    const auto reason = std::min<std::size_t>(static_cast<std::size_t>(known), reasons.size() - 1);
    rejected_[reason].fetch_add(1, std::memory_order_relaxed);
}

awaitable<result<std::vector<ProgressIntake::Given>>> ProgressIntake::publish(
    std::vector<ProgressEvent> events, bool array) {
    if (!ingest_.subscribed()) co_return fail(bus::errc::busy, {}, too_early);
    if (store_paused()) co_return fail(bus::errc::busy, {}, full);
    // One alone is judged where it is stored, if whoever does that can tell us.
    if (events.size() != 1 || !bus_.in_process())
        if (auto checked = co_await check(events, array); !checked) co_return tl::unexpected{checked.error()};
    std::vector<Given> given;
    std::vector<bus::Message> messages;
    given.reserve(events.size());
    messages.reserve(events.size());
    for (auto& event : events) {
        messages.push_back(message_of(event));
        given.push_back({std::move(event.event_id), std::move(event.task_id)});
        if (given.size() % drafts_in_turn == 0) co_await aio::next_turn();
    }
    if (auto produced = co_await bus_.produce(std::move(messages)); !produced)
        co_return not_given(std::move(produced.error()), array);
    co_return given;
}

awaitable<result<std::string>> ProgressIntake::order(std::string user_id, std::string product_name,
                                                     std::int64_t quantity) {
    if (orders_ != nullptr && !orders_->subscribed()) co_return fail(bus::errc::busy, {}, too_early);
    if (orders_ != nullptr && orders_->full())
        co_return fail(bus::errc::busy, {}, "too many orders are in flight");
    if (store_paused()) co_return fail(bus::errc::busy, {}, full);
    Order order{random_uuid(), std::move(user_id), std::move(product_name), quantity, service_.clock().now()};
    std::vector<bus::Message> messages;
    messages.push_back({orders_topic_, order.task_id, encode_order(order)});
    if (auto produced = co_await bus_.produce(std::move(messages)); !produced)
        co_return not_given(std::move(produced.error()), false);
    co_return std::move(order.task_id);
}

}  // namespace stepcast::progress
