#include "broadcast/broadcaster.hpp"

#include <algorithm>
#include <asio/post.hpp>

#include "aio/spawn.hpp"

namespace stepcast::broadcast {

Broadcaster::Broadcaster(asio::io_context& io, Options options, ReadAfter read_after)
    : read_after_{std::move(read_after)}, ring_{options.ring_capacity, options.lanes, options.ring_bytes} {
    const Lane::Shared shared{ring_, read_after_, newest_};
    for (std::size_t i = 0; i < options.lanes; ++i)
        lanes_.push_back(
            std::make_unique<Lane>(io, i, shared, options.sweep_interval, options.longest_deferral));
}

Broadcaster::~Broadcaster() = default;

void Broadcaster::publish(std::span<const event::EventRef> frames,
                          std::chrono::steady_clock::time_point committed) {
    event::Position newest = 0;
    for (const auto& frame : frames) newest = std::max(newest, frame->position());
    skip_to(newest);
    // A lane that begins to listen after this look skips to the ring's tail, and finds these frames in the
    // store.
    if (std::none_of(lanes_.begin(), lanes_.end(), [](const auto& lane) { return lane->listening(); }))
        return;
    ring_.publish(frames, committed);
    for (const auto& lane : lanes_) lane->notify();
}

void Broadcaster::skip_to(event::Position newest) {
    event::Position known = newest_.load(std::memory_order_relaxed);
    while (known < newest && !newest_.compare_exchange_weak(known, newest, std::memory_order_seq_cst)) {
    }
}

void Broadcaster::restart() {
    newest_.store(0, std::memory_order_seq_cst);
    for (const auto& lane : lanes_) asio::post(lane->strand(), [&lane = *lane] { lane.restart(); });
}

aio::awaitable<void> Broadcaster::drain(std::chrono::milliseconds limit, std::chrono::milliseconds retry,
                                        std::chrono::milliseconds spread) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    for (const auto& lane : lanes_)
        asio::post(lane->strand(), [&lane = *lane, retry, spread] { lane.begin_drain(retry, spread); });
    for (const auto& lane : lanes_)
        co_await aio::run_on(lane->strand(), [&lane = *lane, deadline] { return lane.drained(deadline); });
}

}  // namespace stepcast::broadcast
