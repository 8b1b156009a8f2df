#include <gtest/gtest.h>

#include <asio/executor_work_guard.hpp>
#include <future>
#include <mutex>
#include <thread>

#include "aio/spawn.hpp"
#include "base/random.hpp"
#include "events.hpp"
#include "pipe_session.hpp"

namespace stepcast::broadcast {
namespace {

using namespace std::chrono_literals;
using testing::make_event;
using testing::of_task;
using testing::of_user;
using testing::PipeSession;

constexpr event::Position event_count = 3000;
constexpr std::size_t lane_count = 3;
constexpr std::size_t session_count = 12;

// A history behind a mutex, published by one thread, as the core strand does it: kept first, published then.
class StressedBroadcaster {
  public:
    explicit StressedBroadcaster(std::size_t ring)
        : broadcaster_{io_, {lane_count, ring, 5ms}, [this](event::Position after, std::size_t limit) {
                           return read(after, limit);
                       }} {
        for (int i = 0; i < 3; ++i) threads_.emplace_back([this] { io_.run(); });
    }
    ~StressedBroadcaster() {
        work_.reset();
        for (auto& thread : threads_) thread.join();
    }

    void publish(event::Position from, event::Position to) {
        std::vector<event::EventRef> batch;
        for (event::Position p = from; p <= to; ++p) {
            batch.push_back(make_event(p));
            if (random_u64() % 4 != 0 && p != to) continue;
            {
                const std::lock_guard lock{mutex_};
                history_.insert(history_.end(), batch.begin(), batch.end());
            }
            broadcaster_.publish(batch);
            batch.clear();
            if (p % 64 == 0) std::this_thread::yield();
        }
    }
    template <class Make>
    void on(Lane& lane, Make what) {
        std::promise<void> done;
        asio::post(lane.strand(), [&] {
            what();
            done.set_value();
        });
        done.get_future().get();
    }
    void drain() {
        std::promise<void> done;
        aio::spawn(io_.get_executor(), "drain", [&]() -> aio::awaitable<void> {
            co_await broadcaster_.drain(5s, 1000ms, 0ms);
            done.set_value();
        });
        done.get_future().get();
    }
    asio::io_context& io() { return io_; }
    Broadcaster& broadcaster() { return broadcaster_; }

  private:
    aio::awaitable<Missed> read(event::Position after, std::size_t limit) {
        const std::lock_guard lock{mutex_};
        const auto from = std::min<std::size_t>(after, history_.size());
        const auto to = std::min<std::size_t>(from + std::min<std::size_t>(limit, 50), history_.size());
        co_return Missed{{history_.begin() + static_cast<std::ptrdiff_t>(from),
                          history_.begin() + static_cast<std::ptrdiff_t>(to)}};
    }

    asio::io_context io_;
    asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(io_);
    std::mutex mutex_;
    std::vector<event::EventRef> history_;
    Broadcaster broadcaster_;
    std::vector<std::thread> threads_;
};

bool is_run_up_to(event::Position last, const std::vector<event::Position>& positions) {
    for (std::size_t i = 1; i < positions.size(); ++i)
        if (positions[i] != positions[i - 1] + 1) return false;
    return !positions.empty() && positions.back() == last;
}

TEST(BroadcasterStress, over_tiny_rings_every_session_gets_an_unbroken_run_to_the_end) {
    for (const std::size_t ring : {2, 8, 64}) {
        StressedBroadcaster stressed{ring};
        SessionLimits limits;
        limits.outbox = {1 << 24, 1 << 16};
        std::vector<std::unique_ptr<PipeSession>> sessions;
        std::vector<std::string> got(session_count);
        std::thread publisher{[&] { stressed.publish(1, event_count - 1); }};
        for (std::size_t i = 0; i < session_count; ++i) {
            Lane& lane = stressed.broadcaster().next_lane();
            sessions.push_back(std::make_unique<PipeSession>(
                stressed.io(), lane, i % 2 == 0 ? of_user("u") : of_task("t"), SessionKind::user, limits));
            stressed.on(lane, [&] { EXPECT_TRUE(sessions.back()->enter()); });
        }
        publisher.join();
        stressed.publish(event_count, event_count);
        const std::string last = "id: ep." + std::to_string(event_count) + "\n";
        const auto end = std::chrono::steady_clock::now() + 30s;
        for (std::size_t i = 0; i < session_count; ++i)
            while (got[i].find(last, got[i].size() - std::min<std::size_t>(got[i].size(), 200)) ==
                       std::string::npos &&
                   std::chrono::steady_clock::now() < end)
                for (std::size_t j = 0; j < session_count; ++j) got[j] += sessions[j]->read();
        stressed.drain();
        for (const auto& text : got)
            EXPECT_TRUE(is_run_up_to(event_count, testing::positions_in(text))) << "ring of " << ring;
    }
}

}  // namespace
}  // namespace stepcast::broadcast
