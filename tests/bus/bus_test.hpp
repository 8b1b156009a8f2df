#pragma once
#include "bus/harness.hpp"

namespace stepcast::bus_test {

/// The promises of every bus, on each kind of it; conformance_test.cpp says which kinds. Kafka's needs a real
/// broker.
struct Kind {
    const char* name;
    std::unique_ptr<bus::MessageBus> (*make)(asio::io_context& io, Bounds bounds);
    friend void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }
};

class BusTest : public testing::TestWithParam<Kind> {
  protected:
    void with_bus(Bounds bounds, std::function<awaitable<void>(bus::MessageBus&)> body) {
        auto bus = GetParam().make(loop.io, bounds);
        ASSERT_NE(bus, nullptr) << how_to_start;
        loop.run([&]() -> awaitable<void> {
            co_await body(*bus);
            co_await bus->close();
        });
        loop.expect_idle();
    }
    void with_bus(std::function<awaitable<void>(bus::MessageBus&)> body) { with_bus({}, std::move(body)); }

    std::unique_ptr<bus::Consumer> reader(bus::MessageBus& bus, const std::string& group = readers) {
        return bus.subscribe({topic, group}, loop.strand);
    }

    /// Produces while nobody is subscribed, so that it completes at once on every bus.
    awaitable<std::vector<Place>> publish(bus::MessageBus& bus, std::vector<Message> messages) {
        auto places = co_await bus.produce(std::move(messages));
        EXPECT_TRUE(places.has_value()) << places.error().text();
        co_return places.value_or(std::vector<Place>{});
    }

    Loop loop;
    std::string topic = fresh("conformance");
};

}  // namespace stepcast::bus_test
