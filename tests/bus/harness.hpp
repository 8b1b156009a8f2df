#pragma once
#include <gtest/gtest.h>
#include <asio/co_spawn.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "aio/notice.hpp"
#include "aio/spawn.hpp"
#include "bus/bus.hpp"
#include "kafka/config.hpp"

namespace stepcast::bus_test {

using namespace std::chrono_literals;
using aio::awaitable;
using bus::Message;
using bus::Place;

/// What a test may want to be small.
struct Bounds {
    std::size_t records = 100'000;
    std::int32_t partitions = 4;
};

/// The broker that the tests use; empty if the environment names none.
std::string broker_address();
inline constexpr auto how_to_start =
    "STEPCAST_TEST_KAFKA names no broker. Start one: tests/integration/broker.py start DIR, then set it to "
    "the address printed.";

/// A name that no other test uses.
std::string fresh(std::string_view prefix);
/// The group of most tests, one for each process: in a shared one a test waits for the members of others to
/// join again, whatever they read.
inline const std::string readers = fresh("readers");

/// An io_context with a strand, and a coroutine run on it until it ends. Fails the test if it does not within
/// `limit`.
class Loop {
  public:
    asio::io_context io{1};
    aio::Strand strand = asio::make_strand(io);

    void run(std::function<awaitable<void>()> body, std::chrono::seconds limit = 60s);
    /// Fails if something keeps the loop from ending.
    void expect_idle();
};

/// Keeps what a call of produce that nobody waits for came to.
struct Outcome {
    bool ended = false;
    std::error_code error;
    std::vector<Place> places;
};
std::shared_ptr<Outcome> produce_beside(bus::MessageBus& bus, const aio::Strand& strand,
                                        std::vector<Message> messages);

/// Waits for a condition that other coroutines bring about. False after `limit`.
awaitable<bool> until(std::function<bool()> condition, std::chrono::milliseconds limit = 20s);

/// A record with bytes of its own.
struct Kept {
    Place place;
    std::string key;
    std::string value;
};

/// Takes records until `n` are there or `limit` has passed, in the order they came; calls each done if told
/// to.
awaitable<std::vector<Kept>> take(bus::Consumer& consumer, std::size_t n, bool done,
                                  std::chrono::milliseconds limit = 20s);

/// `n` messages with the values `first`, `first + 1`, …, spread over `keys` keys.
std::vector<Message> numbered(const std::string& topic, int n, int keys = 7, int first = 0);

std::unique_ptr<bus::MessageBus> make_embedded(asio::io_context& io, Bounds bounds);
std::unique_ptr<bus::MessageBus> make_kafka(asio::io_context& io, Bounds bounds);
/// Settings for the broker of the tests.
kafka::Config kafka_config(Bounds bounds = {});

}  // namespace stepcast::bus_test
