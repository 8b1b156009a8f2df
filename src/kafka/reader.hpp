#pragma once
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "aio/gate.hpp"
#include "bus/bus.hpp"
#include "kafka/core.hpp"
#include "kafka/edge.hpp"
#include "kafka/queue_signal.hpp"
#include "kafka/topics.hpp"

namespace stepcast::kafka {

/// The reading side behind one bus::Consumer; all on its strand.
///
/// librdkafka fetches ahead into one queue per partition, which is bounded: when it is full, fetching stops
/// until records are taken. Those queues are cut off from the client's own queue, so rebalances, commits and
/// errors are served by `run` at least every second, whether or not anybody takes records.
class Reader : public std::enable_shared_from_this<Reader> {
  public:
    Reader(std::shared_ptr<Core> core, bus::Subscription subscription, const aio::Strand& strand);

    void start();
    aio::awaitable<std::unique_ptr<bus::Batch>> next(std::chrono::milliseconds limit);
    void done(bus::Place place);
    bool caught_up() const { return spans_known_ && percent() == 100; }
    int percent() const;
    std::int64_t lag() const;
    bool healthy() const { return subscribed_ && up_ && !absent_ && core_->up(); }
    void stop();
    aio::awaitable<void> close();

  private:
    struct Part {
        QueuePtr queue;
        Edge edge;
        std::int64_t position = -1;  // behind what was handed out; negative until that is known
        std::int64_t committed = -1;
        Span at_start;         // without a group
        bool revoked = false;  // nothing more is handed out
        bool refused = false;  // without a group: the broker does not know the offset to go on at
    };
    struct Rebalance {
        rd_kafka_resp_err_t kind;
        PartitionsPtr partitions;
    };

    bool in_group() const { return !subscription_.group.empty(); }
    /// Under which name offsets are committed; empty: they are not.
    const std::string& noted_as() const { return in_group() ? subscription_.group : subscription_.lag_group; }
    Part* find(std::int32_t partition) const;
    Part& add_part(std::int32_t partition);
    void drop_part(std::int32_t partition);
    std::unique_ptr<bus::Batch> collect();
    std::size_t in_flight() const;
    std::int64_t head(std::int32_t partition) const;
    void publish();

    void note_position(Part& part, const rd_kafka_message_t& message);

    // reader_run.cpp
    bool open_client(std::int32_t partitions);
    aio::awaitable<void> run();
    aio::awaitable<void> read_until_stopped();
    void join_group();
    aio::awaitable<std::int32_t> find_topic();
    void poll();
    void serve_error(const rd_kafka_message_t& message);
    aio::awaitable<void> finish();

    // reader_alone.cpp
    aio::awaitable<void> watch_partitions();
    aio::awaitable<bool> look_at_topic();
    bool put_off(const Error& error);
    std::vector<Wanted> find_wanted(std::int32_t count) const;
    void begin(const std::vector<Wanted>& wanted, const std::vector<Span>& spans);
    void unassign(const rd_kafka_topic_partition_list_t& partitions);
    void drop_parts();
    void serve_loss(Part& part, const rd_kafka_message_t& message);

    // reader_group.cpp
    aio::awaitable<void> rebalance(Rebalance event);
    void assign(const Rebalance& event);
    aio::awaitable<void> revoke(const Rebalance& event);
    aio::awaitable<void> settle_and_commit(std::chrono::steady_clock::duration limit);
    void commit();
    void tell_of_commit(std::string_view reason);
    void committed(rd_kafka_resp_err_t error, const rd_kafka_topic_partition_list_t& partitions);

    static void on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*, void*);
    static void on_commit(rd_kafka_t*, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*, void*);
    static int on_statistics(rd_kafka_t*, char*, std::size_t, void*);

    const std::shared_ptr<Core> core_;
    const bus::Subscription subscription_;
    const aio::Strand strand_;
    std::shared_ptr<Client> client_;
    QueuePtr queue_;
    QueueSignal signal_;
    aio::Notice arrived_;   // for next()
    aio::Notice look_;      // for find_topic() and watch_partitions(): look at the topic, or stop
    aio::Notice finished_;  // for close()
    aio::Gate gate_;
    std::vector<std::unique_ptr<Part>> parts_;  // by partition; empty where it is not ours
    std::size_t turn_ = 0;
    std::deque<Rebalance> rebalances_;
    std::uint64_t rebalance_count_ = 0;
    std::uint64_t missed_ = 0;
    int commits_open_ = 0;
    std::string told_;         // why nothing can be read: said once
    std::string commit_told_;  // why offsets cannot be committed: likewise
    bool subscribed_ = false;
    bool spans_known_ = false;  // without a group: the partitions were found once
    bool absent_ = false;       // without a group: the topic was there and is not
    bool up_ = true;
    bool stop_ = false;
    bool ended_ = false;
};

}  // namespace stepcast::kafka
