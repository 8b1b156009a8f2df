#pragma once
#include <asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <memory>

#include "aio/notice.hpp"
#include "kafka/rdkafka.hpp"

namespace stepcast::kafka {

/// Wakes a coroutine when something is put on a queue of librdkafka that was empty. Queues must be drained
/// once before the first wait, and polled now and then besides: a write for what lay there already never
/// comes. All calls on one strand.
class QueueSignal {
  public:
    explicit QueueSignal(const aio::Strand& strand);
    ~QueueSignal() { close(); }
    QueueSignal(const QueueSignal&) = delete;
    QueueSignal& operator=(const QueueSignal&) = delete;

    void watch(rd_kafka_queue_t* queue);
    static void unwatch(rd_kafka_queue_t* queue) { rd_kafka_queue_io_event_enable(queue, -1, nullptr, 0); }

    /// Waits for nothing any more, so that an event loop may end. Queues must be unwatched before.
    void close();

    void notify() { state_->notice.notify(); }
    aio::awaitable<bool> wait(std::chrono::steady_clock::duration limit) {
        return state_->notice.wait(limit);
    }

  private:
    // Shared with the pending wait of the descriptor, whose handler runs after cancellation.
    struct State {
        explicit State(const aio::Strand& strand);
        asio::posix::stream_descriptor descriptor;
        aio::Notice notice;
    };
    static void arm(const std::shared_ptr<State>& state);

    std::shared_ptr<State> state_;
};

}  // namespace stepcast::kafka
