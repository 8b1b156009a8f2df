#include "flow/dead_letters.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <algorithm>

#include "aio/backoff.hpp"
#include "aio/spawn.hpp"
#include "aio/unless.hpp"
#include "base/text.hpp"
#include "event/metadata.hpp"
#include "event/spans.hpp"

namespace stepcast::flow {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view own_prefix = "dlq.";
constexpr std::string_view attempts = "dlq.attempts";
constexpr std::string_view truncated = "dlq.truncated";

// Of a record that was a dead letter and was sent again with its headers.
std::uint64_t earlier_attempts(const std::vector<event::HeaderView>& headers) {
    for (const auto& [name, value] : headers)
        if (name == attempts) return parse_number<std::uint32_t>(value).value_or(0);
    return 0;
}

bus::Message message_of(std::string_view topic, const DeadLetters::Letter& letter) {
    const auto [partition, offset, again] = letter.record->place;
    bus::Message message;
    message.topic = fmt::format("{}.dlq", topic);
    message.key = fmt::format("{}-{}-{}", topic, partition, offset);
    message.value = letter.record->text();
    const auto own = letter.record->headers();
    message.headers = {{"dlq.topic", std::string{topic}},
                       {"dlq.partition", std::to_string(partition)},
                       {"dlq.offset", std::to_string(offset)},
                       {"dlq.key", std::string{letter.record->key.value_or("")}},
                       {"dlq.error.class", letter.error_class},
                       {"dlq.error.message", letter.error_message},
                       {std::string{attempts}, std::to_string(letter.attempts + earlier_attempts(own))}};
    for (const auto& [name, value] : own)
        if (!name.starts_with(own_prefix)) message.headers.push_back({std::string{name}, std::string{value}});
    return message;
}

store::OutboxMessage copy_of(const DeadLetters::Way& way, const DeadLetters::Letter& letter,
                             std::string_view id) {
    auto message = message_of(way.topic, letter);
    return {.id = fmt::format("dlq {} {} {}", way.consumer, way.topic, id),
            .topic = std::move(message.topic),
            .key = std::move(message.key),
            .value = std::move(message.value),
            .headers = std::move(message.headers)};
}

Letter whole_of(const DeadLetters::Way& way, const DeadLetters::Letter& letter) {
    const auto& record = *letter.record;
    const auto own = record.headers();
    Letter whole{.consumer = std::string{way.consumer},
                 .topic = std::string{way.topic},
                 .place = record.place,
                 .timestamp = record.timestamp,
                 .key = record.key ? std::optional{std::string{*record.key}} : std::nullopt,
                 .error_class = letter.error_class,
                 .error_message = letter.error_message,
                 .attempts = letter.attempts + earlier_attempts(own),
                 .behind = letter.behind};
    if (record.value || record.draft != nullptr) whole.value = record.text();
    for (const auto& [name, value] : own)
        if (!name.starts_with(own_prefix)) whole.headers.push_back({std::string{name}, std::string{value}});
    return whole;
}

// What the bus can hold of a record that it cannot hold whole: its place says where the rest is.
void truncate(bus::Message& message) {
    constexpr std::size_t key_left = 256;
    std::erase_if(message.headers, [](const auto& header) { return !header.name.starts_with(own_prefix); });
    for (auto& header : message.headers)
        if (header.value.size() > key_left) header.value.resize(key_left);
    message.headers.push_back({std::string{truncated}, std::to_string(message.value.size())});
    message.value.clear();
}

void add_span(const DeadLetters::Way& way, const DeadLetters::Letter& letter) {
    auto span = event::OpenSpan::within(event::metadata_of(letter.record->headers()).traceparent,
                                        event::Span::Kind::internal);
    if (!span) return;
    span.call(fmt::format("dead letter {}", way.topic));
    span.add("messaging.destination.name", std::string{way.topic});
    span.add("stepcast.consumer", std::string{way.consumer});
    span.add("error.type", letter.error_class);
    span.fail();
}

}  // namespace

aio::awaitable<bool> DeadLetters::bury(const Way& way, const std::vector<Letter>& letters) {
    if (event::span_sink.load(std::memory_order_relaxed) != nullptr)
        for (const auto& letter : letters) add_span(way, letter);
    if (box_ != nullptr) {
        if (!co_await aio::run_on(box_->core(), [&] { return park(way, letters); })) co_return false;
    } else if (way.copies && !co_await send(way.topic, letters)) {
        co_return false;
    }
    if (way.copies)
        for (const auto& letter : letters) count(way.topic, letter.error_class);
    co_return true;
}

aio::awaitable<bool> DeadLetters::bury(flow::Letter letter, store::Commit with) {
    if (box_ == nullptr) co_return false;
    const bool parked = co_await aio::run_on(box_->core(), [&]() -> aio::awaitable<bool> {
        auto fitting = box_->fitting({letter});
        if (!fitting.events[0]) co_return false;
        with.appends.emplace_back().events.push_back(std::move(fitting.events[0]));
        std::vector<store::Commit> commits;
        commits.push_back(std::move(with));
        const auto outcomes = co_await box_->park(std::move(commits));
        co_return outcomes && outcomes->front();
    });
    if (parked) count(letter.topic, letter.error_class);
    co_return parked;
}

// Those that must not be passed wait for room. The others stand on their topic alone where they find none.
aio::awaitable<bool> DeadLetters::park(const Way& way, const std::vector<Letter>& letters) {
    auto left = co_await try_to_park(way, letters);
    for (aio::Backoff backoff{100ms, 5s}; left && !left->empty(); left = co_await try_to_park(way, *left)) {
        spdlog::warn(
            "{} waits: what stands behind a dead letter finds no room (dead_letters.max_bytes, "
            "store.permanent_max_bytes)",
            way.consumer);
        if (!co_await stop_.pause(backoff.next())) co_return false;
    }
    co_return left.has_value();
}

// Gives back those that wait; nothing if a stop came first.
aio::awaitable<std::optional<std::vector<DeadLetters::Letter>>> DeadLetters::try_to_park(
    const Way& way, const std::vector<Letter>& letters) {
    std::vector<flow::Letter> whole;
    for (const auto& letter : letters) whole.push_back(whole_of(way, letter));
    auto fitting = box_->fitting(whole);
    if (way.in_order && fitting.full) co_return letters;
    std::vector<Letter> rest;
    std::vector<const Letter*> parked;
    std::vector<store::Commit> commits;
    for (std::size_t i = 0; i < letters.size(); ++i) {
        if (!fitting.events[i]) {
            rest.push_back(letters[i]);
            continue;
        }
        parked.push_back(&letters[i]);
        auto& commit = commits.emplace_back();
        if (way.copies) commit.outbox.push_back(copy_of(way, letters[i], fitting.events[i]->id()));
        commit.appends.emplace_back().events.push_back(std::move(fitting.events[i]));
    }
    if (way.copies && !rest.empty() && !co_await send(way.topic, rest)) co_return std::nullopt;
    co_return co_await write(way, parked, std::move(commits));
}

// An offset moves with its partition's only letter, or behind all, once they are kept somewhere: no letter
// may be left that the store has refused.
aio::awaitable<std::optional<std::vector<DeadLetters::Letter>>> DeadLetters::write(
    const Way& way, const std::vector<const Letter*>& letters, std::vector<store::Commit> commits) {
    auto moves = way.moves ? way.moves() : std::vector<store::Commit>{};
    std::map<std::int32_t, std::vector<std::size_t>> of_partition;
    for (std::size_t i = 0; i < letters.size(); ++i)
        of_partition[letters[i]->record->place.partition].push_back(i);
    const auto only_letter = [&](const store::Commit& move) -> std::optional<std::size_t> {
        const auto& of = of_partition[move.source->partition];
        return of.size() == 1 ? std::optional{of[0]} : std::nullopt;
    };
    for (const auto& move : moves)
        if (const auto with = only_letter(move)) commits[*with].source = move.source;

    const auto outcomes = co_await box_->park(std::move(commits));
    if (!outcomes) co_return std::nullopt;
    std::vector<Letter> waiting, refused;
    for (std::size_t i = 0; i < letters.size(); ++i) {
        const auto& outcome = (*outcomes)[i];
        if (outcome) continue;
        if (way.in_order && outcome.error().code == store::errc::full) {
            waiting.push_back(*letters[i]);
            continue;
        }
        // A refusal that stays is of the place of another record: see parked_event.
        spdlog::warn("a dead letter stands on {}.dlq only: {} ({})", way.topic,
                     make_error_code(outcome.error().code).message(), outcome.error().detail);
        refused.push_back(*letters[i]);
    }
    if (way.copies && !refused.empty() && !co_await send(way.topic, refused)) co_return std::nullopt;
    if (!waiting.empty()) co_return waiting;
    std::erase_if(moves, [&](const store::Commit& move) {
        const auto with = only_letter(move);
        return with && (*outcomes)[*with];
    });
    if (!moves.empty() && !co_await box_->move(std::move(moves))) co_return std::nullopt;
    co_return waiting;
}

aio::awaitable<std::vector<const bus::Record*>> DeadLetters::parked(std::string_view consumer,
                                                                    std::string_view topic,
                                                                    std::span<const bus::Record> records) {
    using Found = std::vector<const bus::Record*>;
    if (box_ == nullptr || records.empty()) co_return Found{};
    co_return co_await aio::run_on(box_->core(), [&]() -> aio::awaitable<Found> {
        Found found;
        for (const auto& record : records)
            if (record.key && box_->is_parked(letter_stream(consumer, topic, record.key)))
                found.push_back(&record);
        co_return found;
    });
}

aio::awaitable<bool> DeadLetters::send(std::string_view topic, const std::vector<Letter>& letters) {
    // Bounded by what one batch of the consumer holds; a few at a time keep the bus's own bound out of reach.
    constexpr std::size_t together = 64;
    for (std::size_t from = 0; from < letters.size(); from += together) {
        std::vector<bus::Message> messages;
        for (std::size_t i = from; i < std::min(from + together, letters.size()); ++i)
            messages.push_back(message_of(topic, letters[i]));
        if (!co_await deliver(std::move(messages))) co_return false;
    }
    co_return true;
}

void DeadLetters::count(std::string_view topic, std::string_view error_class) {
    const std::scoped_lock lock{mutex_};
    ++counts_[{std::string{topic}, std::string{error_class}}];
}

aio::awaitable<bool> DeadLetters::deliver(std::vector<bus::Message> messages) {
    aio::Backoff backoff{100ms, 2s};
    while (!stop_.raised()) {
        const auto answer = co_await aio::unless(stop_, bus_.produce(messages));
        if (!answer) break;
        const auto& produced = *answer;
        if (produced) co_return true;
        if (produced.error().code == bus::errc::too_large) {
            if (messages.size() == 1) {
                auto& message = messages.front();
                if (message.headers.back().name == truncated) {
                    spdlog::error("dead letter {} is too large even without its value and is not kept",
                                  message.key);
                    count(message.headers.front().value, "not-kept");
                    co_return true;
                }
                truncate(message);
                continue;
            }
            for (auto& message : messages)
                if (!co_await deliver({std::move(message)})) co_return false;
            co_return true;
        }
        spdlog::warn("dead letter {} waits: {}", messages.front().key, produced.error().text());
        co_await stop_.pause(backoff.next());
    }
    co_return false;
}

DeadLetters::Counts DeadLetters::counts() const {
    const std::scoped_lock lock{mutex_};
    return counts_;
}

}  // namespace stepcast::flow
