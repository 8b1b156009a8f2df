#pragma once
#include <gtest/gtest.h>

#include <asio/co_spawn.hpp>
#include <asio/use_future.hpp>
#include <functional>

#include "aio/spawn.hpp"
#include "broadcast/broadcaster.hpp"
#include "domain/progress/codec.hpp"
#include "domain/progress/service.hpp"
#include "store/memory/memory_store.hpp"

namespace stepcast::progress::test {

using namespace std::chrono_literals;

/// The service over a store of its own; all on the test's thread.
class Service : public ::testing::Test {
  protected:
    explicit Service(Options options = {.max_events_per_task = 100})
        : service{core, store, hub, broadcaster, system_clock(), options} {
        hub.add(service);
    }
    ~Service() override {
        finish(service.stop());
        finish(broadcaster.drain(1s, 1s, 0ms));
    }

    /// Runs until `condition` holds; false after 5 s.
    bool pump_until(const std::function<bool()>& condition) {
        const auto deadline = std::chrono::steady_clock::now() + 5s;
        while (!condition() && std::chrono::steady_clock::now() < deadline) {
            io.restart();
            io.run_one_for(10ms);
        }
        return condition();
    }

    template <class T>
    T finish(awaitable<T> work) {
        auto future = asio::co_spawn(core, std::move(work), asio::use_future);
        EXPECT_TRUE(pump_until([&] { return future.wait_for(0s) == std::future_status::ready; }));
        return future.get();
    }

    /// Commits `count` events of user "u" and returns them as the feed would give them.
    std::vector<event::EventRef> commit(int count, std::string_view task = "t",
                                        std::string_view detail = {}) {
        std::vector<store::Commit> commits(static_cast<std::size_t>(count));
        for (auto& commit : commits)
            commit.appends.emplace_back().events.push_back(draft(task, detail, Timestamp{}));
        return commit_all(commits);
    }
    /// One event of task "t" that its producer dates so.
    std::vector<event::EventRef> commit_at(Timestamp timestamp) {
        std::vector<store::Commit> commits(1);
        commits[0].appends.emplace_back().events.push_back(draft("t", {}, timestamp));
        return commit_all(commits);
    }
    void feed(std::span<const event::EventRef> events) {
        finish(hub.take(events, events.back()->position()));
    }

    event::Draft draft(std::string_view task, std::string_view detail, Timestamp timestamp) {
        ProgressEvent event;
        event.event_id = "e" + std::to_string(++made);
        event.task_id = task;
        event.user_id = "u";
        event.type = EventType::progress;
        event.percentage = 1;
        event.detail = detail;
        event.timestamp = timestamp;
        std::string scratch;
        return make_draft(event, scratch);
    }
    std::vector<event::EventRef> commit_all(std::span<store::Commit> commits) {
        const auto from = store.head() + 1;
        for (const auto& done : finish(store.commit_many(commits))) EXPECT_TRUE(done);
        return finish(store.read_all({.from = from, .limit = 10'000}))->events;
    }

    asio::io_context io;
    aio::Strand core = asio::make_strand(io);
    store::MemoryStore store{{}};
    broadcast::Broadcaster broadcaster{
        io, {}, [](event::Position, std::size_t) -> awaitable<broadcast::Missed> {
            co_return broadcast::Missed{};
        }};
    flow::FeedHub hub{core, store, broadcaster, system_clock(), 1h};
    ProgressEventService service;
    int made = 0;
};

}  // namespace stepcast::progress::test
