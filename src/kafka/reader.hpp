#pragma once
#include <memory>
#include <string>

#include "aio/gate.hpp"
#include "bus/bus.hpp"
#include "kafka/core.hpp"
#include "kafka/parts.hpp"
#include "kafka/queue_signal.hpp"

namespace stepcast::kafka {

/// The reading side behind one bus::Consumer, whatever decides which partitions it has; all on its strand.
///
/// librdkafka fetches ahead into one queue per partition, which is bounded: when it is full, fetching stops
/// until records are taken. Those queues are cut off from the client's own queue, so rebalances, commits and
/// errors are served by `run` at least every second, whether or not anybody takes records.
class Reader : public std::enable_shared_from_this<Reader> {
  public:
    virtual ~Reader() = default;
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    void start();
    aio::awaitable<std::unique_ptr<bus::Batch>> next(std::chrono::milliseconds limit);
    void done(bus::Place place);
    virtual bool caught_up() const = 0;
    virtual int percent() const = 0;
    virtual std::int64_t too_old() const { return 0; }
    std::int64_t lag() const { return parts_.lag(); }
    virtual bool healthy() const { return subscribed_ && up_ && core_->up(); }
    void let_go() { in_hand_ = false; }
    void stop();
    aio::awaitable<void> close();

  protected:
    struct Reading {
        std::string topic;
        std::string noted_as;  ///< the group in which offsets are committed; empty: they are not
        std::size_t max_batch = 0;
        std::size_t max_queued = 0;
    };
    Reader(std::shared_ptr<Core> core, Reading reading, const aio::Strand& strand);

    // What decides about partitions, in the order in which it is asked.

    /// Settings beyond those of every reader.
    virtual void set_up(rd_kafka_conf_t* conf) = 0;
    /// The client is open: has partitions read.
    virtual void begin() = 0;
    /// Something came that must be answered before polling goes on.
    virtual bool owes_answer() const { return false; }
    virtual aio::awaitable<void> answer() { co_return; }
    /// An error in a partition's queue.
    virtual void serve_loss(std::int32_t partition, const rd_kafka_message_t& message) = 0;
    virtual void count(bus::Stats& stats) const = 0;
    /// The client may never come to its end.
    virtual bool may_hang() const { return false; }

    /// Goes on with a client that knows nothing yet, and with no partitions. Whoever still has batches of the
    /// one before may finish them; nobody waits for its end.
    result<void> replace_client(std::int32_t partitions);
    void poll();
    void serve_error(const rd_kafka_message_t& message);
    /// Says why nothing can be read, once.
    void tell_of_wait(const Error& error);
    /// Waits for what was handed out of the partitions that are going, or of all once stopped, at most
    /// `limit`, then commits and waits for the answer.
    aio::awaitable<void> settle_and_commit(std::chrono::steady_clock::duration limit);

    const std::shared_ptr<Core> core_;
    const Reading reading_;
    const aio::Strand strand_;
    std::shared_ptr<Client> client_;
    QueueSignal signal_;
    Parts parts_;
    aio::Notice look_;         // for whoever looks at the topic: look, or stop
    aio::Gate gate_;           // of what a kind of reader runs beside
    std::string wait_logged_;  // why nothing can be read, as last logged
    bool stop_ = false;

  private:
    std::unique_ptr<bus::Batch> collect();
    void note_position(Part& part, const rd_kafka_message_t& message);
    void publish();
    result<void> open_client(std::int32_t partitions);
    aio::awaitable<void> run();
    aio::awaitable<void> read_until_stopped();
    aio::awaitable<std::int32_t> find_topic();
    aio::awaitable<void> finish();
    bool must_settle() const;
    void commit();
    void tell_of_commit(std::string_view reason);
    void committed(rd_kafka_resp_err_t error, const rd_kafka_topic_partition_list_t& partitions);

    static void on_commit(rd_kafka_t*, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*, void*);
    static int on_statistics(rd_kafka_t*, char*, std::size_t, void*);
    static void on_error(rd_kafka_t*, int, const char*, void*);

    QueuePtr queue_;
    aio::Notice arrived_;   // for next()
    aio::Notice finished_;  // for close()
    std::int32_t turn_ = 0;
    int commits_open_ = 0;
    std::string commit_logged_;  // why offsets cannot be committed, as last logged
    bool in_hand_ = true;        // what was handed out may still be done
    bool subscribed_ = false;
    bool up_ = true;
    bool ended_ = false;
};

}  // namespace stepcast::kafka
