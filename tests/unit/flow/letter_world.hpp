#pragma once
#include "flow/letter_box.hpp"

#include <fmt/format.h>

#include <set>

#include "flow/consumer.hpp"
#include "store/memory/memory_store.hpp"
#include "unit/flow/nobody.hpp"
#include "unit/flow/refusing_bus.hpp"
#include "unit/strand_test.hpp"

namespace stepcast::flow::test {

using namespace std::chrono_literals;
using aio::awaitable;

/// Handles what does not stand among the bad ones; `slow` ones are done later.
class LetterHandler final : public Consumer::Handler {
  public:
    std::set<std::string> bad;
    std::set<std::string> slow;
    std::vector<bus::Place> begun;  // of slow ones
    std::vector<std::string> handled;
    int calls = 0;
    int looks = 0;
    Consumer* consumer = nullptr;
    std::function<std::vector<store::Commit>()> offsets;

    awaitable<std::vector<Consumer::Failure>> take(std::span<const bus::Record> records) override {
        std::vector<Consumer::Failure> failures;
        ++calls;
        for (const auto& record : records) {
            const std::string value{*record.value};
            if (bad.contains(value)) {
                failures.push_back(
                    {&record, Consumer::Failure::Kind::poison, Error{bus::errc::too_large, {}, value}});
            } else {
                handled.push_back(value);
                if (slow.contains(value))
                    begun.push_back(record.place);
                else
                    consumer->done(record.place);
            }
        }
        co_return failures;
    }
    awaitable<void> look() override {
        ++looks;
        co_return;
    }
    std::vector<store::Commit> moves() override { return offsets ? offsets() : std::vector<store::Commit>{}; }
};

class LetterWorld : public stepcast::testing::StrandTest {
  protected:
    explicit LetterWorld(const store::Limits& limits = {})
        : store{std::make_unique<store::MemoryStore>(limits)} {}

    /// What a node is of this.
    struct Node {
        Node(LetterWorld& test, Consumer::Order order, LetterBox::Options options = {})
            : box{test.core, *test.store, test.committer, test.hub, options},
              letters{test.bus, &box},
              consumer{test.io, test.bus, letters, "some consumer", order} {
            handler.consumer = &consumer;
            test.hub.add(box);
            test.hub.start();
        }
        void start(std::size_t max_batch = 100) {
            consumer.start(bus::GroupSubscription{"t", "g", max_batch}, handler);
        }
        awaitable<void> stop() {
            letters.stop();
            co_await consumer.stop();
            co_await box.stop();
        }
        LetterBox box;
        DeadLetters letters;
        LetterHandler handler;
        Consumer consumer;
    };

    awaitable<bool> until(std::function<bool()> holds) {
        const auto deadline = std::chrono::steady_clock::now() + 30s;
        while (!holds()) {
            if (std::chrono::steady_clock::now() > deadline) co_return false;
            co_await aio::pause(2ms);
        }
        co_return true;
    }
    /// What moves a consumer's offset to 7.
    static std::vector<store::Commit> to_seven() {
        std::vector<store::Commit> moves(1);
        moves[0].source = {"source", "t", 0, 7, false};
        return moves;
    }
    /// "k1" is value 1 under key k; "-1" has no key of its own.
    awaitable<void> give(std::vector<std::string> all) {
        std::vector<bus::Message> messages;
        for (const auto& one : all) messages.push_back({"t", one.substr(0, 1), one});
        EXPECT_TRUE((co_await bus.produce(std::move(messages))).has_value());
    }
    static std::string keys(const LetterBox& box) {
        std::string all;
        for (const auto& parked : box.list(0, 1000))
            all +=
                fmt::format("{}{}{} ", *parked.letter.key, parked.letter.behind ? "<" : "", parked.redrives);
        return all;
    }
    static event::Position number(const LetterBox& box, std::size_t index) {
        return box.list(0, 1000).at(index).number;
    }
    static std::string all(const std::vector<std::string>& values) {
        return fmt::format("{}", fmt::join(values, " "));
    }
    /// The values of the first `count` letters on the topic.
    awaitable<std::string> on_topic(std::size_t count) {
        std::string values;
        const auto people = bus.replay({"t.dlq"}, core);
        for (std::size_t found = 0; found < count;) {
            const auto batch = co_await people->next(10s);
            if (!batch) break;
            for (const auto& record : batch->records) values.append(*record.value).append(" ");
            found += batch->records.size();
        }
        co_await people->close();
        co_return values;
    }
    awaitable<std::vector<std::string>> owed() {
        std::vector<std::string> owed;
        const auto pending = co_await store->outbox(0, 100);
        for (const auto& one : *pending) owed.push_back(one->message.topic + " " + one->message.value);
        co_return owed;
    }

    const std::unique_ptr<store::EventStore> store;
    Nobody nobody;
    RefusingBus bus;
    FeedHub hub{core, *store, nobody, system_clock(), 1h};
    Committer committer{core, *store, hub};
};

}  // namespace stepcast::flow::test
