#pragma once
#include <gtest/gtest.h>
#include <asio/co_spawn.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "aio/notice.hpp"
#include "aio/spawn.hpp"
#include "broadcast/broadcaster.hpp"
#include "domain/progress/ingest.hpp"
#include "domain/progress/service.hpp"
#include "flow/dead_letters.hpp"
#include "store/memory/memory_store.hpp"

namespace stepcast::progress::test {

using namespace std::chrono_literals;
using aio::awaitable;

/// Runs a coroutine to its end, at most 20 s.
inline void run(asio::io_context& io, const aio::Strand& strand, std::function<awaitable<void>()> body) {
    bool ended = false;
    asio::co_spawn(strand, std::move(body), [&ended](std::exception_ptr death) {
        ended = true;
        if (death) std::rethrow_exception(death);
    });
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    io.restart();
    while (!ended && std::chrono::steady_clock::now() < deadline) io.run_one_until(deadline);
    ASSERT_TRUE(ended) << "still suspended";
}

/// Waits for what others bring about. False after 10 s.
inline awaitable<bool> until(std::function<bool()> condition) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) co_return false;
        co_await aio::pause(2ms);
    }
    co_return true;
}

/// A record as a test writes it.
struct Given {
    bus::Place place;
    std::string value;
    Timestamp timestamp{std::chrono::milliseconds{1'700'000'000'000}};
};

/// A bus that hands out the batches it is given, and takes messages unless it is away.
class ScriptedBus final : public bus::MessageBus {
  public:
    std::deque<std::vector<Given>> batches;
    std::vector<bus::ReplaySubscription> replays;
    std::vector<std::string> groups;
    std::vector<bus::Message> produced;
    std::vector<bus::Place> done;
    bool away = false;
    int refusals = 0;
    bool caught_up = true;
    std::int64_t too_old = 0;

    awaitable<result<void>> ensure_topics(std::vector<bus::TopicSpec>) override { co_return result<void>{}; }
    awaitable<result<std::vector<bus::Place>>> produce(std::vector<bus::Message> messages) override {
        if (away) {
            ++refusals;
            co_return fail(bus::errc::unavailable);
        }
        for (auto& message : messages) produced.push_back(std::move(message));
        co_return std::vector<bus::Place>(messages.size());
    }
    std::unique_ptr<bus::Consumer> subscribe(bus::GroupSubscription subscription,
                                             const aio::Strand&) override {
        groups.push_back(std::move(subscription.group));
        return std::make_unique<ScriptedConsumer>(*this);
    }
    std::unique_ptr<bus::Consumer> replay(bus::ReplaySubscription subscription, const aio::Strand&) override {
        replays.push_back(std::move(subscription));
        return std::make_unique<ScriptedConsumer>(*this);
    }
    bool healthy() const override { return !away; }
    bus::Stats stats() const override { return {}; }
    awaitable<void> close() override { co_return; }
    std::string_view kind() const override { return "scripted"; }

  private:
    class ScriptedBatch final : public bus::Batch {
      public:
        explicit ScriptedBatch(std::vector<Given> given) : given_{std::move(given)} {
            for (const auto& [place, value, timestamp] : given_)
                records.push_back({place, timestamp, "key", value});
        }

      private:
        std::vector<Given> given_;
    };
    class ScriptedConsumer final : public bus::Consumer {
      public:
        explicit ScriptedConsumer(ScriptedBus& bus) : bus_{bus} {}
        awaitable<std::unique_ptr<bus::Batch>> next(std::chrono::milliseconds) override {
            if (bus_.batches.empty()) {
                co_await aio::pause(2ms);
                co_return nullptr;
            }
            auto batch = std::make_unique<ScriptedBatch>(std::move(bus_.batches.front()));
            bus_.batches.pop_front();
            co_return batch;
        }
        void settle(bus::Place) override {}
        void done(bus::Place place) override { bus_.done.push_back(place); }
        bool caught_up() const override { return bus_.caught_up; }
        int caught_up_percent() const override { return bus_.caught_up ? 100 : 0; }
        std::int64_t too_old() const override { return bus_.too_old; }
        std::int64_t lag() const override { return 0; }
        bool healthy() const override { return true; }
        void let_go() override {}
        awaitable<void> close() override { co_return; }

      private:
        ScriptedBus& bus_;
    };
};

/// Everything between a bus and a store; the store outlives it, as a journal does.
class System {
  public:
    System(asio::io_context& io, const aio::Strand& core, store::EventStore& store, bus::MessageBus& bus,
           ProgressIngest::Options options)
        : broadcaster{io,
                      {},
                      [](event::Position, std::size_t) -> awaitable<broadcast::Missed> {
                          co_return broadcast::Missed{};
                      }},
          hub{core, store, broadcaster, system_clock(), 1h},
          service{core, store, hub, broadcaster, system_clock(), {}},
          committer{core, store, hub},
          dead_letters{bus},
          ingest{io, service, hub, committer, bus, dead_letters, std::move(options)} {
        hub.add(service);
    }

    awaitable<void> start() {
        hub.start();
        co_await ingest.restore();
        ingest.start();
    }
    awaitable<void> stop() {
        dead_letters.stop();
        committer.stop();
        co_await ingest.stop();
        co_await hub.stop();
    }

    broadcast::Broadcaster broadcaster;
    flow::FeedHub hub;
    ProgressEventService service;
    flow::Committer committer;
    flow::DeadLetters dead_letters;
    ProgressIngest ingest;
};

}  // namespace stepcast::progress::test
