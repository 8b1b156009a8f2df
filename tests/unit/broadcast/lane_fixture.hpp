#pragma once
#include <gtest/gtest.h>

#include "aio/spawn.hpp"
#include "broadcast/broadcaster.hpp"
#include "dechunk.hpp"
#include "events.hpp"
#include "pipe_session.hpp"

namespace stepcast::broadcast {

using namespace std::chrono_literals;
using event::Lifecycle;
using testing::counter;
using testing::make_event;
using testing::of_task;
using testing::of_user;
using testing::PipeSession;
using testing::positions_in;
using Positions = std::vector<event::Position>;

// One lane, run by hand on this thread, over a history that catch-up reads from.
class Lanes : public ::testing::Test {
  protected:
    explicit Lanes(std::size_t capacity = 1024)
        : broadcaster{io, {1, capacity, 5ms, 16 * 1024 * 1024, 10s}, [this](auto after, auto limit) {
                          return read(after, limit);
                      }} {}
    ~Lanes() override { drain(); }

    aio::awaitable<Missed> read(event::Position after, std::size_t limit) {
        ++store_reads;
        if (store_fails) throw std::runtime_error{"the store is down"};
        Missed page{.lost_through = lost_through};
        for (const auto& event : history)
            if (event->position() > after && page.events.size() < std::min<std::size_t>(limit, 10))
                page.events.push_back(event);
        co_return page;
    }

    void publish(std::vector<event::EventRef> events) {
        for (const auto& event : events)
            if (!event->is_control()) history.push_back(event);
        broadcaster.publish(events);
    }
    void publish(event::Position from, event::Position to) {
        for (auto p = from; p <= to; ++p) publish({make_event(p)});
    }
    void pump() {
        io.restart();
        io.poll();
    }
    template <class Condition>
    bool pump_until(Condition holds) {
        for (const auto end = std::chrono::steady_clock::now() + 5s; !holds();) {
            if (std::chrono::steady_clock::now() > end) return false;
            io.restart();
            io.run_one_for(10ms);
        }
        return true;
    }
    void drain(std::chrono::milliseconds limit = 0ms) {
        drained = false;
        aio::spawn(io.get_executor(), "drain", [this, limit]() -> aio::awaitable<void> {
            co_await broadcaster.drain(limit, 1000ms, 500ms);
            drained = true;
        });
        EXPECT_TRUE(pump_until([&] { return drained; }));
    }

    asio::io_context io;
    std::vector<event::EventRef> history;
    bool store_fails = false;
    event::Position lost_through = 0;
    bool drained = false;
    std::size_t store_reads = 0;
    Broadcaster broadcaster;
    Lane& lane = broadcaster.lane(0);
};

inline std::size_t closed(const Lane& lane, CloseReason reason) {
    return lane.stats().closed[static_cast<std::size_t>(reason)];
}

inline std::size_t frames(const Lane& lane, FrameKind kind) {
    return lane.stats().frames[static_cast<std::size_t>(kind)];
}

}  // namespace stepcast::broadcast
