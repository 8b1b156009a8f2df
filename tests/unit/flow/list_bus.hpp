#pragma once
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bus/bus.hpp"

namespace stepcast::flow::test {

/// A bus that nobody reads: it keeps a list of what it was given, and refuses what the test says.
class ListBus final : public bus::MessageBus {
  public:
    std::vector<bus::Message> taken;
    std::set<std::string> away{};    ///< topics that it refuses as unavailable
    std::size_t largest = SIZE_MAX;  ///< values that are longer make the whole call too_large
    std::map<std::string, std::optional<Duration>>
        kept{};  ///< how long topics keep records; others: not at all
    int calls = 0;

    bus::awaitable<result<void>> ensure_topics(std::vector<bus::TopicSpec>) override {
        co_return result<void>{};
    }
    bus::awaitable<result<std::optional<Duration>>> retention(std::string topic) override {
        const auto found = kept.find(topic);
        co_return found == kept.end() ? Duration::zero() : found->second;
    }
    bus::awaitable<result<std::vector<bus::Place>>> produce(std::vector<bus::Message> messages) override {
        ++calls;
        if (away.contains(messages.front().topic)) co_return fail(bus::errc::unavailable);
        for (const auto& message : messages)
            if (message.value.size() > largest) co_return fail(bus::errc::too_large);
        std::ranges::move(messages, std::back_inserter(taken));
        co_return std::vector<bus::Place>(messages.size());
    }
    std::unique_ptr<bus::Consumer> subscribe(bus::GroupSubscription, const aio::Strand&) override {
        return nullptr;
    }
    std::unique_ptr<bus::Consumer> replay(bus::ReplaySubscription, const aio::Strand&) override {
        return nullptr;
    }
    bool healthy() const override { return true; }
    bus::Stats stats() const override { return {}; }
    bus::awaitable<void> close() override { co_return; }
    std::string_view kind() const override { return "list"; }

    /// The values of a topic in the order in which they came.
    std::vector<std::string> values(std::string_view topic) const {
        std::vector<std::string> found;
        for (const auto& message : taken)
            if (message.topic == topic) found.push_back(message.value);
        return found;
    }
};

}  // namespace stepcast::flow::test
