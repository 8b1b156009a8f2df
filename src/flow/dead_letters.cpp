#include "flow/dead_letters.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <algorithm>

#include "aio/notice.hpp"

namespace stepcast::flow {
namespace {

using namespace std::chrono_literals;

bus::Message letter_of(std::string_view topic, const bus::Record& record, std::string_view error_class,
                       std::string_view error_message, int attempts) {
    const auto& [partition, offset] = record.place;
    bus::Message letter;
    letter.topic = fmt::format("{}.dlq", topic);
    letter.key = fmt::format("{}-{}-{}", topic, partition, offset);
    letter.value = record.value.value_or("");
    letter.headers = {{"dlq.topic", std::string{topic}},
                      {"dlq.partition", std::to_string(partition)},
                      {"dlq.offset", std::to_string(offset)},
                      {"dlq.key", std::string{record.key.value_or("")}},
                      {"dlq.error.class", std::string{error_class}},
                      {"dlq.error.message", std::string{error_message}},
                      {"dlq.attempts", std::to_string(attempts)}};
    return letter;
}

}  // namespace

aio::awaitable<bool> DeadLetters::bury(std::string_view topic, const bus::Record& record,
                                       std::string_view error_class, std::string_view error_message,
                                       int attempts) {
    const bus::Message letter = letter_of(topic, record, error_class, error_message, attempts);
    for (Duration wait = 100ms; !stopping_; wait = std::min<Duration>(2 * wait, 2s)) {
        const auto produced = co_await bus_.produce({letter});
        if (produced) {
            const std::scoped_lock lock{mutex_};
            ++counts_[{std::string{topic}, std::string{error_class}}];
            co_return true;
        }
        spdlog::warn("dead letter {} waits: {}", letter.key, produced.error().text());
        co_await aio::pause(wait);
    }
    co_return false;
}

DeadLetters::Counts DeadLetters::counts() const {
    const std::scoped_lock lock{mutex_};
    return counts_;
}

}  // namespace stepcast::flow
