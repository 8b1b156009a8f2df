// A broker that freezes, dies and comes back, with a broker of its own: nothing produced is lost, nobody has
// to be restarted.
#include <fmt/format.h>
#include <unistd.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "bus/harness.hpp"
#include "kafka/kafka_bus.hpp"

namespace stepcast::bus_test {
namespace {

/// tests/integration/broker.py, looked for upwards from the test executable.
std::filesystem::path broker_script() {
    for (auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
         folder != folder.root_path(); folder = folder.parent_path())
        if (auto script = folder / "tests/integration/broker.py"; std::filesystem::exists(script))
            return script;
    return {};
}

class OwnBroker {
  public:
    OwnBroker() : folder_{std::filesystem::temp_directory_path() / fresh("stepcast-broker")} { run("start"); }
    ~OwnBroker() {
        run("kill");
        std::filesystem::remove_all(folder_);
    }
    OwnBroker(const OwnBroker&) = delete;
    OwnBroker& operator=(const OwnBroker&) = delete;

    void run(const std::string& action) const {
        const auto command =
            fmt::format("'{}' {} '{}' >/dev/null", broker_script().string(), action, folder_.string());
        EXPECT_EQ(std::system(command.c_str()), 0) << command;
    }
    std::string address() const {
        std::ifstream file{folder_ / "address"};
        return {std::istreambuf_iterator<char>{file}, {}};
    }

  private:
    const std::filesystem::path folder_;
};

class OutageTest : public testing::Test {
  protected:
    kafka::Config config() const {
        kafka::Config config;
        config.brokers = broker.address();
        config.partitions = 4;
        return config;
    }

    /// Produces numbers until told to stop, each until the bus has it.
    awaitable<void> produce_all(bus::MessageBus& bus, const std::string& topic) {
        while (!stop_producing) {
            const auto places = co_await bus.produce(numbered(topic, 10, 10, produced));
            if (places)
                produced += 10;
            else
                ++refusals;
            co_await aio::pause(20ms);
        }
        producer_ended = true;
    }

    awaitable<void> read_all(bus::Consumer& consumer) {
        while (!stop_reading) {
            const auto batch = co_await consumer.next(200ms);
            if (!batch) continue;
            for (const auto& record : batch->records) {
                seen.insert(std::stoi(std::string{*record.value}));
                consumer.done(record.place);
            }
        }
        co_await consumer.close();
        reader_ended = true;
    }

    /// Breaks the broker, waits until that shows, mends it, and checks that everything arrives.
    void survive(const std::function<void()>& fail, const std::function<void()>& mend,
                 std::chrono::milliseconds outage) {
        const auto topic = fresh("outage");
        auto opened = kafka::KafkaBus::open(loop.io, config());
        ASSERT_TRUE(opened.has_value()) << opened.error().text();
        auto& bus = **opened;
        loop.run(
            [&]() -> awaitable<void> {
                const auto consumer = bus.subscribe({topic, readers}, loop.strand);
                aio::spawn(loop.strand, "produce", [&] { return produce_all(bus, topic); });
                aio::spawn(loop.strand, "read", [&] { return read_all(*consumer); });
                EXPECT_TRUE(co_await until([&] { return seen.size() > 100; }));
                EXPECT_TRUE(bus.healthy() && consumer->healthy());
                fail();
                const auto broken = std::chrono::steady_clock::now();
                EXPECT_TRUE(co_await until([&] { return !bus.healthy() && !consumer->healthy(); }, 40s));
                EXPECT_TRUE(co_await until([&] { return refusals > 0; }, 30s)) << "produce never gave up";
                co_await until([&] { return std::chrono::steady_clock::now() - broken > outage; }, outage);
                mend();
                const auto before = seen.size();
                EXPECT_TRUE(co_await until([&] { return bus.healthy() && consumer->healthy(); }, 30s));
                EXPECT_TRUE(co_await until([&] { return seen.size() > before + 100; }, 60s));
                stop_producing = true;
                EXPECT_TRUE(co_await until([&] { return producer_ended; }, 20s));
                EXPECT_TRUE(
                    co_await until([&] { return seen.size() >= static_cast<std::size_t>(produced); }, 30s));
                for (int i = 0; i < produced; ++i) EXPECT_TRUE(seen.contains(i)) << i;
                stop_reading = true;
                EXPECT_TRUE(co_await until([&] { return reader_ended; }, 10s));
                co_await bus.close();
            },
            110s);
    }

    OwnBroker broker;
    Loop loop;
    std::set<int> seen;
    int produced = 0;
    int refusals = 0;
    bool stop_producing = false;
    bool stop_reading = false;
    bool producer_ended = false;
    bool reader_ended = false;
};

TEST_F(OutageTest, nothing_is_lost_while_the_broker_is_frozen) {
    survive([this] { broker.run("freeze"); }, [this] { broker.run("thaw"); }, 30s);
}

TEST_F(OutageTest, nothing_is_lost_when_the_broker_is_killed_and_comes_back) {
    survive([this] { broker.run("kill"); }, [this] { broker.run("restart"); }, 30s);
}

TEST_F(OutageTest, a_bus_without_a_broker_ends_within_its_deadline) {
    auto opened = kafka::KafkaBus::open(loop.io, config());
    ASSERT_TRUE(opened.has_value());
    auto& bus = **opened;
    loop.run([&]() -> awaitable<void> {
        const auto topic = fresh("gone");
        EXPECT_TRUE((co_await bus.produce(numbered(topic, 10))).has_value());
        const auto consumer = bus.subscribe({topic, readers}, loop.strand);
        EXPECT_EQ((co_await take(*consumer, 10, false)).size(), 10U);
        broker.run("freeze");
        const auto outcome = produce_beside(bus, loop.strand, numbered(topic, 10));
        const auto start = std::chrono::steady_clock::now();
        co_await consumer->close();
        EXPECT_LT(std::chrono::steady_clock::now() - start, 7s);
        co_await bus.close();
        EXPECT_LT(std::chrono::steady_clock::now() - start, 14s);
        EXPECT_TRUE(co_await until([&] { return outcome->ended; }));
        EXPECT_EQ(outcome->error, bus::errc::closed);
    });
}

}  // namespace
}  // namespace stepcast::bus_test
