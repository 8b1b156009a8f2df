#pragma once
#include <string>
#include <utility>

#include "bus/embedded/embedded_bus.hpp"

namespace stepcast::flow::test {

/// An embedded bus that refuses what it is given for one topic, as a broker does that is away.
class RefusingBus final : public bus::MessageBus {
  public:
    std::string refused;  ///< empty: none
    int refusals = 0;
    int taken = 0;  ///< calls of produce that were handed on

    bus::awaitable<result<void>> ensure_topics(std::vector<bus::TopicSpec> topics) override {
        return behind_.ensure_topics(std::move(topics));
    }
    bus::awaitable<result<std::vector<bus::Place>>> produce(std::vector<bus::Message> messages) override {
        if (!messages.empty() && messages.front().topic == refused) {
            ++refusals;
            co_return fail(bus::errc::unavailable);
        }
        ++taken;
        co_return co_await behind_.produce(std::move(messages));
    }
    std::unique_ptr<bus::Consumer> subscribe(bus::GroupSubscription subscription,
                                             const aio::Strand& strand) override {
        return behind_.subscribe(std::move(subscription), strand);
    }
    std::unique_ptr<bus::Consumer> replay(bus::ReplaySubscription subscription,
                                          const aio::Strand& strand) override {
        return behind_.replay(std::move(subscription), strand);
    }
    bool healthy() const override { return behind_.healthy(); }
    bus::Stats stats() const override { return behind_.stats(); }
    bus::awaitable<void> close() override { return behind_.close(); }
    std::string_view kind() const override { return behind_.kind(); }

  private:
    bus::EmbeddedBus behind_{{.partitions = 1}};
};

}  // namespace stepcast::flow::test
