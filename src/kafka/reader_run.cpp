// The life of a reader: its client, its poll loop, its end.
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <array>

#include "aio/offload.hpp"
#include "base/random.hpp"
#include "kafka/reader.hpp"

namespace stepcast::kafka {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;
constexpr auto tick = 1s;
constexpr auto retry = 1s;
constexpr auto settle_limit = 2s;
constexpr auto leave_limit = 1500ms;
constexpr auto destroy_limit = 1s;
constexpr std::uint64_t least_fetched_ahead_kib = 64;
constexpr auto fetched_ahead = "queued.max.messages.kbytes";

}  // namespace

bool Reader::open_client(std::int32_t partitions) {
    auto conf = make_conf(core_->config(), Role::consumer);
    if (conf) {
        // Reading without a group is a matter of never joining; librdkafka wants a name all the same.
        set(conf->get(), "group.id", noted_as().empty() ? "stepcast-" + random_token(16) : noted_as());
        // Alone, it goes on where the caller's offsets end: where those are unknown is not librdkafka's to
        // settle.
        if (!in_group()) set(conf->get(), "auto.offset.reset", "error");
        if (!core_->config().properties.contains(fetched_ahead))
            set(conf->get(), fetched_ahead,
                std::to_string(std::max(
                    least_fetched_ahead_kib,
                    core_->config().max_fetched_bytes / 1024 / static_cast<std::uint64_t>(partitions))));
        set(conf->get(), "queued.min.messages",
            std::to_string(std::clamp<std::size_t>(subscription_.max_queued, 1, 10'000'000)));
        rd_kafka_conf_set_rebalance_cb(conf->get(), &Reader::on_rebalance);
        rd_kafka_conf_set_offset_commit_cb(conf->get(), &Reader::on_commit);
        rd_kafka_conf_set_stats_cb(conf->get(), &Reader::on_statistics);
        rd_kafka_conf_set_error_cb(conf->get(), [](rd_kafka_t*, int error, const char*, void* opaque) {
            if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) static_cast<Reader*>(opaque)->up_ = false;
        });
        auto client = start_client(Role::consumer, std::move(*conf), this, core_->pool());
        if (client) {
            client_ = std::move(*client);
            rd_kafka_poll_set_consumer(client_->get());
            queue_.reset(rd_kafka_queue_get_consumer(client_->get()));
            signal_.watch(queue_.get());
            return true;
        }
        spdlog::error("kafka: cannot read {}: {}", subscription_.topic, client.error().text());
        return false;
    }
    spdlog::error("kafka: cannot read {}: {}", subscription_.topic, conf.error().text());
    return false;
}

int Reader::on_statistics(rd_kafka_t*, char* text, std::size_t size, void* opaque) {
    static_cast<Reader*>(opaque)->up_ = any_broker_up({text, size});
    return 0;
}

/// Waits until the topic exists; how many partitions it has.
aio::awaitable<std::int32_t> Reader::find_topic() {
    while (!stop_) {
        std::vector<std::string> topics{subscription_.topic};
        const auto ensured = co_await core_->ensure(std::move(topics));
        const auto count = ensured ? co_await core_->partitions(subscription_.topic)
                                   : result<std::int32_t>{tl::unexpected{ensured.error()}};
        if (count) co_return std::max(*count, 1);
        if (count.error().code == bus::errc::unknown_topic) core_->unlearn(subscription_.topic);
        put_off(count.error());
        co_await look_.wait(retry);
    }
    co_return 1;
}

void Reader::join_group() {
    const auto topics = make_partitions(1);
    rd_kafka_topic_partition_list_add(topics.get(), subscription_.topic.c_str(), RD_KAFKA_PARTITION_UA);
    const auto error = rd_kafka_subscribe(client_->get(), topics.get());
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        spdlog::error("kafka: cannot subscribe: {}", rd_kafka_err2str(error));
}

aio::awaitable<void> Reader::run() {
    const auto self = shared_from_this();
    const auto partitions = co_await find_topic();
    told_.clear();
    if (!stop_ && open_client(partitions)) {
        if (in_group())
            join_group();
        else
            aio::spawn_vital(strand_, "kafka partitions", [self] { return self->watch_partitions(); });
        subscribed_ = true;
        co_await read_until_stopped();
        co_await finish();
    }
    signal_.close();
    subscribed_ = false;
    core_->forget(this);
    ended_ = true;
    finished_.notify();
}

aio::awaitable<void> Reader::read_until_stopped() {
    auto due = steady_clock::now();
    while (!stop_) {
        poll();
        for (; !rebalances_.empty() && !stop_; rebalances_.pop_front())
            co_await rebalance(std::move(rebalances_.front()));
        if (steady_clock::now() >= due) {
            due = steady_clock::now() + tick;
            if (commits_open_ == 0) commit();
            publish();
        }
        arrived_.notify();
        co_await signal_.wait(tick);
    }
}

/// Serves rebalances, commits, statistics and errors; never records, which have queues of their own.
void Reader::poll() {
    std::array<rd_kafka_message_t*, 64> messages{};
    while (true) {
        const auto n = rd_kafka_consume_batch_queue(queue_.get(), 0, messages.data(), messages.size());
        for (ssize_t i = 0; i < n; ++i) {
            serve_error(*messages[i]);
            rd_kafka_message_destroy(messages[i]);
        }
        if (n < static_cast<ssize_t>(messages.size())) return;
    }
}

void Reader::serve_error(const rd_kafka_message_t& message) {
    if (message.err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) up_ = false;
    if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR)
        throw std::logic_error{"a record came by the client's own queue"};
    spdlog::warn("kafka: {}: {}", subscription_.topic, rd_kafka_message_errstr(&message));
}

/// Leaves in order: what is in flight, the last commit, the group, the client; each with a limit of its own.
aio::awaitable<void> Reader::finish() {
    while (!rebalances_.empty()) {
        co_await rebalance(std::move(rebalances_.front()));
        rebalances_.pop_front();
    }
    if (!noted_as().empty()) co_await settle_and_commit(settle_limit);
    co_await gate_.close(4 * ask_limit_ms * 1ms);
    for (std::size_t i = 0; i < parts_.size(); ++i) drop_part(static_cast<std::int32_t>(i));
    const ErrorPtr refused{rd_kafka_consumer_close_queue(client_->get(), queue_.get())};
    const auto deadline = steady_clock::now() + leave_limit;
    while (!refused && rd_kafka_consumer_closed(client_->get()) == 0 && steady_clock::now() < deadline) {
        poll();
        for (; !rebalances_.empty(); rebalances_.pop_front())
            co_await rebalance(std::move(rebalances_.front()));
        if (rd_kafka_consumer_closed(client_->get()) != 0) break;
        co_await signal_.wait(10ms);
    }
    QueueSignal::unwatch(queue_.get());
    queue_.reset();
    if (absent_) client_->abandon();
    if (!co_await destroy_client(std::move(client_), strand_, destroy_limit))
        spdlog::info("kafka: the reader of {} ends with its last batch", subscription_.topic);
}

}  // namespace stepcast::kafka
