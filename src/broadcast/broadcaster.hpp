#pragma once
#include <atomic>
#include <chrono>
#include <memory>
#include <span>
#include <vector>

#include "broadcast/lane.hpp"
#include "broadcast/publisher.hpp"
#include "broadcast/ring.hpp"

namespace stepcast::broadcast {

/// Takes what was committed to every session that wants it: one ring, read by lanes that share nothing else.
class Broadcaster final : public Publisher {
  public:
    struct Options {
        std::size_t lanes = 1;
        std::size_t ring_capacity = 8192;  ///< frames; a power of two, at least 2
        std::chrono::milliseconds sweep_interval{1000};
        /// Of the ring's frames, whether the store still holds them or not.
        std::size_t ring_bytes = 16ULL * 1024 * 1024;
        std::chrono::milliseconds longest_deferral{1};  ///< of a lane's turn, so that turns share writes
    };

    Broadcaster(asio::io_context& io, Options options, ReadAfter read_after);
    ~Broadcaster() override;

    /// Hands frames to every lane with sessions. Any thread; in position order, after the projections know
    /// them, so that whoever subscribes later finds them there. Control frames go to live sessions of their
    /// subject and stream only, and are lost on a lane that is lapped.
    void publish(std::span<const event::EventRef> frames,
                 std::chrono::steady_clock::time_point committed = std::chrono::steady_clock::now()) override;

    /// Nobody listens yet, and events up to here are only in the store: lanes begin behind them. Any thread.
    void skip_to(event::Position newest) override;

    /// Closes every stream, counted as failed: its client comes back with a cursor of the epoch that is over,
    /// and is reset. Any thread.
    void restart() override;

    std::size_t size() const { return lanes_.size(); }
    Lane& lane(std::size_t i) { return *lanes_[i]; }
    const Lane& lane(std::size_t i) const { return *lanes_[i]; }
    /// The lane for the next connection, in turn. Any thread.
    Lane& next_lane() { return *lanes_[next_.fetch_add(1, std::memory_order_relaxed) % lanes_.size()]; }

    /// Ends all sessions: each is sent a `retry:` between `retry` and `retry + spread` and closed behind its
    /// outbox, at `limit` from now at the latest. Afterwards the lanes hold no work, and no session gets in
    /// any more.
    aio::awaitable<void> drain(std::chrono::milliseconds limit, std::chrono::milliseconds retry,
                               std::chrono::milliseconds spread);

  private:
    ReadAfter read_after_;
    Ring ring_;
    std::atomic<event::Position> newest_{0};
    std::atomic<std::size_t> next_{0};
    std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace stepcast::broadcast
