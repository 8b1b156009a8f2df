#pragma once
#include <atomic>
#include <memory>

#include "aio/gate.hpp"
#include "bus/bus.hpp"
#include "bus/promise.hpp"
#include "kafka/core.hpp"
#include "kafka/queue_signal.hpp"

namespace stepcast::kafka {

/// The producing side: idempotent, acknowledged by all in-sync replicas. Delivery reports are read on
/// `strand`.
class Producer : public std::enable_shared_from_this<Producer> {
  public:
    /// Empty with the property or broker list that librdkafka refuses.
    static result<std::shared_ptr<Producer>> start(const aio::Strand& strand, std::shared_ptr<Core> core);
    ~Producer();

    /// As MessageBus::produce. Any strand.
    aio::awaitable<result<std::vector<bus::Place>>> produce(std::vector<bus::Message> messages);

    /// Waits a little for what is under way, gives up the rest and ends. On `strand`.
    aio::awaitable<void> close();

  private:
    struct Delivery;
    struct Visit;

    Producer(const aio::Strand& strand, std::shared_ptr<Core> core);
    aio::awaitable<void> read_reports();
    aio::awaitable<void> wait_for_callers(std::chrono::milliseconds limit);
    void serve_error(rd_kafka_resp_err_t error);
    void drain();
    void refuse(Delivery& delivery, std::size_t index, rd_kafka_resp_err_t error);
    void report(const rd_kafka_message_t& message);
    bool reserve(std::size_t records, std::size_t bytes);
    void release(std::size_t records, std::size_t bytes);
    rd_kafka_resp_err_t enqueue(bus::Message& message, void* tag);

    const aio::Strand strand_;
    const std::shared_ptr<Core> core_;
    const std::shared_ptr<bus::Waiters> waiters_;
    std::shared_ptr<Client> client_;
    QueuePtr reports_;
    QueueSignal signal_;
    aio::Gate gate_;
    std::atomic<std::size_t> open_records_{0};
    std::atomic<std::size_t> open_bytes_{0};
    std::size_t max_record_ = 0;           // bytes that librdkafka takes
    std::atomic<std::size_t> callers_{0};  // inside produce(); the client stays while there are any
    std::atomic<bool> closing_{false};
};

}  // namespace stepcast::kafka
