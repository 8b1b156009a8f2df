// The life of a reader: its client, its poll loop, the partitions that it reads without a group, its end.
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
constexpr auto look_for_partitions = 30s;
constexpr auto settle_limit = 2s;
constexpr auto leave_limit = 1500ms;
constexpr auto destroy_limit = 1s;

}  // namespace

bool Reader::open_client() {
    auto conf = make_conf(core_->config(), Role::consumer);
    if (conf) {
        // Reading without a group is a matter of never joining; librdkafka wants a name all the same.
        set(conf->get(), "group.id", in_group() ? subscription_.group : "stepcast-" + random_token(16));
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

/// Waits until the topic exists.
aio::awaitable<void> Reader::find_topic() {
    std::string told;
    while (!stop_) {
        std::vector<std::string> topics{subscription_.topic};
        const auto ensured = co_await core_->ensure(std::move(topics));
        if (ensured) co_return;
        if (const auto text = ensured.error().text(); text != told) {
            told = text;
            spdlog::warn("kafka: waiting to read {}: {}", subscription_.topic, text);
        }
        co_await stopping_.wait(retry);
    }
}

aio::awaitable<void> Reader::run() {
    const auto self = shared_from_this();
    co_await find_topic();
    if (!stop_ && open_client()) {
        if (in_group()) {
            const auto topics = make_partitions(1);
            rd_kafka_topic_partition_list_add(topics.get(), subscription_.topic.c_str(),
                                              RD_KAFKA_PARTITION_UA);
            const auto error = rd_kafka_subscribe(client_->get(), topics.get());
            if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
                spdlog::error("kafka: cannot subscribe: {}", rd_kafka_err2str(error));
        } else {
            aio::spawn(strand_, "kafka partitions", [self] { return self->watch_partitions(); });
        }
        subscribed_ = true;
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
        co_await finish();
    }
    signal_.close();
    subscribed_ = false;
    core_->forget(this);
    ended_ = true;
    finished_.notify();
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

/// Without a group: takes all partitions, now and whenever there are more.
aio::awaitable<void> Reader::watch_partitions() {
    const auto self = shared_from_this();
    const auto hold = gate_.enter();
    while (!stop_) {
        const bool answered = co_await add_partitions();
        co_await stopping_.wait(answered ? steady_clock::duration{look_for_partitions}
                                         : steady_clock::duration{retry});
    }
}

aio::awaitable<bool> Reader::add_partitions() {
    const auto client = client_;
    const auto known = static_cast<std::int32_t>(parts_.size());
    struct Found {
        std::int32_t count = 0;
        std::vector<Span> spans;
    };
    const auto found = co_await aio::offload(*core_->pool(), [&]() -> result<Found> {
        const auto count = count_partitions(client->get(), subscription_.topic);
        if (!count) return tl::unexpected{count.error()};
        if (*count <= known) return Found{known, {}};
        auto spans = find_spans(client->get(), subscription_.topic, known, *count, subscription_.since);
        if (!spans) return tl::unexpected{spans.error()};
        return Found{*count, std::move(*spans)};
    });
    if (stop_) co_return true;
    if (!found) {
        spdlog::warn("kafka: {}: {}", subscription_.topic, found.error().text());
        co_return false;
    }
    if (found->count > known) {
        const auto added = make_partitions(found->spans.size());
        for (std::int32_t p = known; p < found->count; ++p) {
            const Span span = found->spans[p - known];
            Part& part = add_part(p);
            part.at_start = span;
            part.position = span.start;
            rd_kafka_topic_partition_list_add(added.get(), subscription_.topic.c_str(), p)->offset =
                span.start;
        }
        const ErrorPtr error{rd_kafka_incremental_assign(client->get(), added.get())};
        if (error)
            spdlog::error("kafka: cannot read {}: {}", subscription_.topic,
                          rd_kafka_error_string(error.get()));
    }
    spans_known_ = true;
    co_return true;
}

/// Leaves in order: what is in flight, the last commit, the group, the client; each with a limit of its own.
aio::awaitable<void> Reader::finish() {
    while (!rebalances_.empty()) {
        co_await rebalance(std::move(rebalances_.front()));
        rebalances_.pop_front();
    }
    if (in_group()) co_await settle_and_commit(settle_limit);
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
    if (!co_await destroy_client(std::move(client_), strand_, destroy_limit))
        spdlog::info("kafka: the reader of {} ends with its last batch", subscription_.topic);
}

}  // namespace stepcast::kafka
