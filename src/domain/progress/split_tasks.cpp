#include "domain/progress/split_tasks.hpp"

#include <spdlog/spdlog.h>

#include <set>
#include <tuple>

#include "aio/turn.hpp"
#include "domain/progress/codec.hpp"

namespace stepcast::progress {
namespace {

using namespace std::chrono_literals;

// Where an event stands among those of its task. Of one moment, what was sent says more than how it arrived;
// percentages that were filled in follow from the arrival and say nothing.
struct Moment {
    Timestamp recorded_at;
    Timestamp timestamp;
    std::int64_t seq;
    int rank;  // of what opens, goes on and ends
    int percentage;
    const event::Event* event;

    auto key() const { return std::tuple{recorded_at, timestamp, seq, rank, percentage, event->id()}; }
};

int rank_of(EventType type) {
    return type == EventType::started ? 0 : is_terminal(type) ? 2 : 1;
}

struct Earlier {
    bool operator()(const Moment& a, const Moment& b) const { return a.key() < b.key(); }
};
using Order = std::set<Moment, Earlier>;  // grows in small steps, as a sort does not

constexpr std::size_t moments_in_turn = 256;

aio::awaitable<Order> in_order(std::span<const event::EventRef> events) {
    Order order;
    ProgressEvent scratch;
    for (const auto& stored : events) {
        decode_stored(*stored, scratch);
        const bool sent = percentage_was_sent(scratch);
        order.insert({stored->recorded_at(), scratch.timestamp.value_or(Timestamp{}), scratch.seq,
                      rank_of(scratch.type), sent ? scratch.percentage.value_or(0) : -1, stored.get()});
        if (order.size() % moments_in_turn == 0) co_await aio::next_turn();
    }
    co_return order;
}

}  // namespace

void SplitTasks::tell(Task& task, std::int32_t partition) {
    if (!std::exchange(task.split, true)) {
        ++count_;
        ++unlogged_;
        if (collecting_) found_.push_back(task.id);
    }
    const auto now = Steady::now();
    if (unlogged_ == 0 || now < next_line_) return;
    next_line_ = now + 1min;
    spdlog::warn(
        "the events of task {} came over partitions {} and {} of {}, so that nothing keeps their order ({} "
        "such "
        "tasks since the last line): let all its producers use one partitioner (murmur2_random, Java's "
        "default; "
        "librdkafka: partitioner=murmur2_random) with the task as key, or number its events by seq",
        task.id, task.partition, partition, topic_, std::exchange(unlogged_, 0));
}

std::vector<std::string> SplitTasks::take() {
    collecting_ = false;
    return std::exchange(found_, {});
}

aio::awaitable<void> fold_by_time(ProgressState& state, std::span<const event::EventRef> events) {
    if (events.empty()) co_return;
    const auto order = co_await in_order(events);
    ProgressEvent scratch;
    std::size_t folded = 0;
    for (const auto& moment : order) {
        decode_stored(*moment.event, scratch);
        // One that was filled in is that of another order.
        if (moment.percentage < 0) scratch.percentage = implied_percentage(scratch, state);
        evolve(state, scratch, moment.event->version(), moment.event->position(), moment.recorded_at);
        if (++folded % moments_in_turn == 0) co_await aio::next_turn();
    }
    state.version = events.back()->version();
    state.position = events.back()->position();
}

}  // namespace stepcast::progress
