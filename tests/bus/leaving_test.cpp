// What becomes of records that a reader leaves behind.
#include "bus/bus_test.hpp"

namespace stepcast::bus_test {
namespace {

TEST_P(BusTest, a_reader_that_lets_go_is_closed_at_once_and_another_is_given_what_it_had) {
    with_bus([&](bus::MessageBus& bus) -> awaitable<void> {
        co_await publish(bus, numbered(topic, 30));
        const auto group = fresh("left");
        auto first = reader(bus, group);
        auto kept = co_await take(*first, 30, false);
        EXPECT_EQ(kept.size(), 30U);
        if (kept.empty()) co_return;
        first->done(kept.front().place);
        first->let_go();
        const auto began = std::chrono::steady_clock::now();
        co_await first->close();
        if (bus.kind() == "embedded")  // Kafka has a group to leave besides
            EXPECT_LT(std::chrono::steady_clock::now() - began, 1s);
        first.reset();
        const auto second = reader(bus, group);
        EXPECT_EQ((co_await take(*second, 29, true)).size(), 29U);
        co_await second->close();
    });
}

}  // namespace
}  // namespace stepcast::bus_test
