#include "bus/harness.hpp"

#include <cstdlib>

#include "base/random.hpp"
#include "bus/embedded/embedded_bus.hpp"
#include "kafka/kafka_bus.hpp"

namespace stepcast::bus_test {

using std::chrono::steady_clock;

std::string broker_address() {
    const char* const address = std::getenv("STEPCAST_TEST_KAFKA");
    return address == nullptr ? "" : address;
}

std::string fresh(std::string_view prefix) {
    return std::string{prefix} + "-" + random_token(10);
}

void Loop::run(std::function<awaitable<void>()> body, std::chrono::seconds limit) {
    bool ended = false;
    asio::co_spawn(strand, std::move(body), [&ended](std::exception_ptr death) {
        ended = true;
        if (death) std::rethrow_exception(death);
    });
    const auto deadline = steady_clock::now() + limit;
    io.restart();
    while (!ended && steady_clock::now() < deadline) io.run_one_until(deadline);
    ASSERT_TRUE(ended) << "still suspended after " << limit.count() << " s";
}

void Loop::expect_idle() {
    io.restart();
    io.run_for(10s);
    EXPECT_TRUE(io.stopped()) << "something still runs after everything was closed";
}

std::shared_ptr<Outcome> produce_beside(bus::MessageBus& bus, const aio::Strand& strand,
                                        std::vector<Message> messages) {
    auto outcome = std::make_shared<Outcome>();
    aio::spawn(strand, "produce",
               [&bus, outcome, messages = std::move(messages)]() mutable -> awaitable<void> {
                   auto places = co_await bus.produce(std::move(messages));
                   if (places)
                       outcome->places = std::move(*places);
                   else
                       outcome->error = places.error().code;
                   outcome->ended = true;
               });
    return outcome;
}

awaitable<bool> until(std::function<bool()> condition, std::chrono::milliseconds limit) {
    const auto deadline = steady_clock::now() + limit;
    while (!condition()) {
        if (steady_clock::now() > deadline) co_return false;
        co_await aio::pause(5ms);
    }
    co_return true;
}

awaitable<std::vector<Kept>> take(bus::Consumer& consumer, std::size_t n, bool done,
                                  std::chrono::milliseconds limit) {
    std::vector<Kept> kept;
    const auto deadline = steady_clock::now() + limit;
    while (kept.size() < n && steady_clock::now() < deadline) {
        const auto batch = co_await consumer.next(200ms);
        if (!batch) continue;
        for (const auto& record : batch->records) {
            kept.push_back(
                {record.place, std::string{record.key.value_or("")}, std::string{record.value.value_or("")}});
            if (done) consumer.done(record.place);
        }
    }
    co_return kept;
}

std::vector<Message> numbered(const std::string& topic, int n, int keys, int first) {
    std::vector<Message> messages;
    for (int i = first; i < first + n; ++i)
        messages.push_back({topic, "key-" + std::to_string(i % keys), std::to_string(i)});
    return messages;
}

std::unique_ptr<bus::MessageBus> make_embedded(asio::io_context&, Bounds bounds) {
    bus::EmbeddedOptions options;
    options.partitions = bounds.partitions;
    options.max_records = bounds.records;
    return std::make_unique<bus::EmbeddedBus>(options);
}

kafka::Config kafka_config(Bounds bounds) {
    kafka::Config config;
    config.brokers = broker_address();
    config.partitions = bounds.partitions;
    config.max_produced_records = bounds.records;
    return config;
}

std::unique_ptr<bus::MessageBus> make_kafka(asio::io_context& io, Bounds bounds) {
    if (broker_address().empty()) return nullptr;
    auto config = kafka_config(bounds);
    // So slow to send that what was just produced still counts when the next call comes.
    if (bounds.records < 100) config.properties["linger.ms"] = "300";
    auto bus = kafka::KafkaBus::open(io, config);
    return bus ? std::move(*bus) : nullptr;
}

}  // namespace stepcast::bus_test
