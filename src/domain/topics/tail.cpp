#include "domain/topics/tail.hpp"

#include <fmt/format.h>
#include <deque>

#include "aio/spawn.hpp"
#include "domain/topics/record_json.hpp"

namespace stepcast::topics {
namespace {

using namespace std::chrono_literals;
using aio::awaitable;
using event::Event;
using event::EventRef;

constexpr std::size_t max_value_bytes = 48 * 1024;  // a frame has 64 KiB
constexpr std::size_t page_bytes = 64 * 1024;

/// What its reader has found and the client has not been given. On the lane's strand.
struct Queue {
    explicit Queue(const aio::Strand& lane) : arrived{lane} {}

    void add(EventRef frame, const broadcast::OutboxLimits& limits) {
        bytes += frame->memory();
        frames.push_back(std::move(frame));
        for (; bytes > limits.bytes || frames.size() > limits.frames; ++missed) take();
        arrived.notify();
    }
    EventRef take() {
        auto first = std::move(frames.front());
        frames.pop_front();
        bytes -= first->memory();
        return first;
    }

    std::deque<EventRef> frames;
    std::size_t bytes = 0;
    std::size_t missed = 0;  // since it was told
    bool reads = false;      // what is produced from now on reaches it
    bool over = false;       // the client has gone
    aio::Notice arrived;
};

class Tail final : public broadcast::StreamSource {
  public:
    explicit Tail(std::shared_ptr<Queue> queue) : queue_{std::move(queue)} {}
    ~Tail() override { queue_->over = true; }

    awaitable<broadcast::CatchUp> next() override {
        auto& queue = *queue_;
        if (queue.frames.empty() && queue.reads == live_) co_await queue.arrived.wait(1s);
        broadcast::CatchUp page;
        if (queue.reads && !std::exchange(live_, true))
            page.frames.push_back(Event::control("event: live\ndata: {}\n\n"));
        if (queue.missed != 0)
            page.frames.push_back(Event::control(
                fmt::format("event: missed\ndata: {{\"count\":{}}}\n\n", std::exchange(queue.missed, 0))));
        for (std::size_t bytes = 0; !queue.frames.empty() && bytes < page_bytes;) {
            page.frames.push_back(queue.take());
            bytes += page.frames.back()->memory();
        }
        co_return page;
    }

    bool ends_with(const Event&) const override { return false; }
    bool admits(const Event&) const override { return true; }

  private:
    const std::shared_ptr<Queue> queue_;
    bool live_ = false;  // the client knows that it is read for
};

bool matches(const Wanted& wanted, const bus::Record& record) {
    return (!wanted.key || record.key == *wanted.key) &&
           (!wanted.partition || record.place.partition == *wanted.partition);
}

awaitable<void> read(const domain::Parts& parts, const Wanted& wanted, const std::shared_ptr<Queue>& queue,
                     const aio::Strand& lane, aio::Stop& stop) {
    const auto from = parts.bus.replay({.topic = wanted.topic, .since = parts.clock.now()}, lane);
    while (!queue->over && !stop.raised()) {
        if (!queue->reads && from->caught_up()) {
            queue->reads = true;
            queue->arrived.notify();
        }
        const auto batch = co_await from->next(250ms);
        if (!batch) continue;
        for (const auto& record : batch->records) {
            if (matches(wanted, record))
                queue->add(Event::control(fmt::format("event: record\ndata: {}\n\n",
                                                      record_json(wanted.topic, record, max_value_bytes))),
                           parts.sse.limits.outbox);
            from->done(record.place);
        }
    }
    from->let_go();
    co_await from->close();
}

}  // namespace

std::unique_ptr<broadcast::StreamSource> Tails::open(Wanted wanted, aio::Strand lane) {
    auto hold = gate_.enter();
    if (!hold || gate_.count() > max_open) return nullptr;
    auto queue = std::make_shared<Queue>(lane);
    aio::spawn(parts_.core, "tail",
               [this, wanted = std::move(wanted), queue, lane = std::move(lane), hold = std::move(hold)] {
                   return aio::run_on(lane, [&] { return read(parts_, wanted, queue, lane, stop_); });
               });
    return std::make_unique<Tail>(std::move(queue));
}

aio::awaitable<void> Tails::stop() {
    stop_.raise();
    co_await gate_.close();
}

}  // namespace stepcast::topics
