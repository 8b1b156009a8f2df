#include "flow/dead_letters.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <algorithm>

#include "aio/backoff.hpp"
#include "aio/unless.hpp"
#include "base/text.hpp"

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
    const auto& [partition, offset] = letter.record->place;
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

// What the bus can hold of a record that it cannot hold whole: its place says where the rest is.
void truncate(bus::Message& message) {
    constexpr std::size_t key_left = 256;
    std::erase_if(message.headers, [](const auto& header) { return !header.name.starts_with(own_prefix); });
    for (auto& header : message.headers)
        if (header.value.size() > key_left) header.value.resize(key_left);
    message.headers.push_back({std::string{truncated}, std::to_string(message.value.size())});
    message.value.clear();
}

}  // namespace

aio::awaitable<bool> DeadLetters::bury(std::string_view topic, const std::vector<Letter>& letters) {
    // Bounded by what one batch of the consumer holds; a few at a time keep the bus's own bound out of reach.
    constexpr std::size_t together = 64;
    for (std::size_t from = 0; from < letters.size(); from += together) {
        std::vector<bus::Message> messages;
        for (std::size_t i = from; i < std::min(from + together, letters.size()); ++i)
            messages.push_back(message_of(topic, letters[i]));
        if (!co_await deliver(std::move(messages))) co_return false;
    }
    for (const auto& letter : letters) count(topic, letter.error_class);
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
