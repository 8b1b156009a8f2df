#include "flow/consumer.hpp"

#include <gtest/gtest.h>
#include <functional>
#include <map>

#include "aio/notice.hpp"
#include "aio/spawn.hpp"
#include "aio/turn.hpp"
#include "unit/flow/refusing_bus.hpp"

namespace stepcast::flow {
namespace {

using namespace std::chrono_literals;
using aio::awaitable;
using Failure = Consumer::Failure;
using Kind = Failure::Kind;
using test::RefusingBus;

constexpr auto poison_letter = "t.dlq";

/// Does with each value what the script says, one entry a time; done where it says nothing more.
class Scripted final : public Consumer::Handler {
  public:
    struct Entry {
        Kind kind;
        std::uint32_t tries = 1;
    };
    std::map<std::string, std::vector<Entry>> script;
    Consumer* consumer = nullptr;
    std::vector<std::string> calls;  // what each call was given
    int letters_written = 0;
    int looks = 0;
    bool began = false;

    awaitable<void> begin() override {
        began = true;
        co_return;
    }
    awaitable<std::vector<Failure>> take(std::span<const bus::Record> records) override {
        EXPECT_TRUE(began);
        std::vector<Failure> failures;
        std::string& call = calls.emplace_back();
        bool waits = false;
        for (const auto& record : records) {
            const std::string value{*record.value};
            call += value;
            auto& entries = script[value];
            if (waits) {
                failures.push_back({&record, Kind::passing, error});
            } else if (entries.empty()) {
                consumer->done(record.place);
            } else {
                const auto [kind, tries] = entries.front();
                entries.erase(entries.begin());
                waits = kind == Kind::passing;
                failures.push_back({&record, kind, error, tries});
            }
        }
        co_return failures;
    }
    awaitable<void> buried() override {
        ++letters_written;
        co_return;
    }
    awaitable<void> look() override {
        ++looks;
        co_return;
    }

  private:
    const Error error{bus::errc::unavailable, "field", "as the script says"};
};

class ConsumerTest : public ::testing::Test {
  protected:
    struct Life {
        Life(ConsumerTest& test)
            : letters{test.bus}, consumer{test.io, test.bus, letters, "scripted consumer"} {
            handler.consumer = &consumer;
        }
        void start() { consumer.start(bus::GroupSubscription{"t", "g"}, handler); }
        awaitable<void> stop() {
            letters.stop();
            co_await consumer.stop();
        }
        DeadLetters letters;
        Scripted handler;
        Consumer consumer;
    };

    void run(std::function<awaitable<void>()> body) {
        bool ended = false;
        aio::spawn(strand, "test", [&]() -> awaitable<void> {
            co_await body();
            ended = true;
        });
        io.run_for(60s);
        ASSERT_TRUE(ended);
        EXPECT_TRUE(io.stopped()) << "something still runs";
    }
    awaitable<bool> until(std::function<bool()> condition) {
        const auto deadline = std::chrono::steady_clock::now() + 30s;
        while (!condition()) {
            if (std::chrono::steady_clock::now() > deadline) co_return false;
            co_await aio::pause(2ms);
        }
        co_return true;
    }
    /// Whether it stops without waiting for anything but its own turns of the strand, which are so few
    /// however long they take. Ends once it has stopped.
    awaitable<bool> stops_at_once(Life& life) {
        bool stopped = false;
        aio::spawn(strand, "stop", [&]() -> awaitable<void> {
            co_await life.stop();
            stopped = true;
        });
        for (int turn = 0; turn < 1'000 && !stopped; ++turn) co_await aio::next_turn();
        const bool at_once = stopped;
        while (!stopped) co_await aio::pause(2ms);
        co_return at_once;
    }
    awaitable<void> give(std::string values) {
        std::vector<bus::Message> messages;
        for (const char value : values) messages.push_back({"t", "k", std::string{value}});
        EXPECT_TRUE((co_await bus.produce(std::move(messages))).has_value());
    }
    /// What the group has still to do.
    std::int64_t left() const {
        for (const auto& part : bus.stats().partitions)
            if (part.topic == "t") return part.head - part.position;
        return -1;
    }
    /// The values of all letters, each with its number of attempts.
    awaitable<std::string> letters() {
        std::string all;
        const auto people = bus.replay({poison_letter}, strand);
        while (const auto batch = co_await people->next(50ms))
            for (const auto& record : batch->records)
                for (const auto& [name, value] : record.headers())
                    if (name == "dlq.attempts")
                        all.append(*record.value).append(":").append(value).append(" ");
        co_await people->close();
        co_return all;
    }

    asio::io_context io{1};
    aio::Strand strand = asio::make_strand(io);
    RefusingBus bus;
};

TEST_F(ConsumerTest, what_fails_in_passing_is_given_again_in_order_and_nothing_behind_it_meanwhile) {
    run([&]() -> awaitable<void> {
        co_await give("abc");
        Life life{*this};
        life.handler.script["b"] = {{Kind::passing}, {Kind::passing}};
        life.start();
        EXPECT_TRUE(co_await until([&] { return life.handler.calls.size() == 1; }));
        aio::spawn(strand, "more", [&] { return give("d"); });
        EXPECT_TRUE(co_await until([&] { return left() == 0; }));
        EXPECT_EQ(life.handler.calls, (std::vector<std::string>{"abc", "bc", "bc", "d"}));
        EXPECT_EQ(life.handler.letters_written, 0);
        EXPECT_GT(life.handler.looks, 0);
        co_await life.stop();
    });
}

TEST_F(ConsumerTest, a_dead_letter_tells_how_often_its_record_was_tried) {
    run([&]() -> awaitable<void> {
        co_await give("abc");
        Life life{*this};
        life.handler.script["a"] = {{Kind::poison}};
        life.handler.script["b"] = {{Kind::passing}, {Kind::passing, 5}, {Kind::poison, 2}};
        life.start();
        EXPECT_TRUE(co_await until([&] { return left() == 0; }));
        EXPECT_EQ(life.handler.calls, (std::vector<std::string>{"abc", "bc", "bc"}));
        EXPECT_EQ(life.handler.letters_written, 2);
        EXPECT_EQ(co_await letters(), "a:1 b:8 ");
        co_await life.stop();
    });
}

TEST_F(ConsumerTest, a_stop_cuts_a_pause_and_leaves_what_is_not_done_to_the_next) {
    run([&]() -> awaitable<void> {
        co_await give("ab");
        {
            Life life{*this};
            life.handler.script["b"] = std::vector<Scripted::Entry>(100, {Kind::passing});
            life.start();
            // By then it pauses for 0.8 to 1.6 s.
            EXPECT_TRUE(co_await until([&] { return life.handler.calls.size() == 5; }));
            EXPECT_TRUE(co_await stops_at_once(life));
            EXPECT_EQ(left(), 1);
        }
        Life next{*this};
        next.start();
        EXPECT_TRUE(co_await until([&] { return left() == 0; }));
        EXPECT_EQ(next.handler.calls, std::vector<std::string>{"b"});
        co_await next.stop();
    });
}

TEST_F(ConsumerTest, a_stop_cuts_the_wait_for_a_bus_that_takes_no_letter) {
    run([&]() -> awaitable<void> {
        co_await give("a");
        bus.refused = poison_letter;
        {
            Life life{*this};
            life.handler.script["a"] = {{Kind::poison}};
            life.start();
            EXPECT_TRUE(co_await until([&] { return bus.refusals == 5; }));
            EXPECT_TRUE(co_await stops_at_once(life));
            EXPECT_EQ(life.handler.letters_written, 0);
            EXPECT_EQ(left(), 1) << "not done without its letter";
        }
        bus.refused.clear();
        Life next{*this};
        next.handler.script["a"] = {{Kind::poison}};
        next.start();
        EXPECT_TRUE(co_await until([&] { return left() == 0; }));
        EXPECT_EQ(co_await letters(), "a:1 ");
        co_await next.stop();
    });
}

TEST_F(ConsumerTest, a_stop_cuts_the_wait_for_whoever_reads_letters) {
    run([&]() -> awaitable<void> {
        co_await give("a");
        const auto people = bus.subscribe({poison_letter, "people"}, strand);  // they never settle
        Life life{*this};
        life.handler.script["a"] = {{Kind::poison}};
        life.start();
        EXPECT_TRUE(co_await until([&] { return bus.taken == 2; }));
        EXPECT_TRUE(co_await stops_at_once(life)) << "the bus answers after ten seconds only";
        EXPECT_EQ(left(), 1);
        co_await people->close();
    });
}

TEST_F(ConsumerTest, a_stop_without_a_start_returns) {
    run([&]() -> awaitable<void> {
        Life life{*this};
        co_await life.stop();
        EXPECT_FALSE(co_await life.consumer.pause(1h));
    });
}

}  // namespace
}  // namespace stepcast::flow
