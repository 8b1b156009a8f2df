#include "kafka/reader.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <algorithm>
#include <array>

#include "aio/spawn.hpp"
#include "base/random.hpp"
#include "kafka/batch.hpp"
#include "kafka/topics.hpp"

namespace stepcast::kafka {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;
constexpr auto tick = 1s;
constexpr auto reader_retry = 1s;
constexpr auto close_limit = 5s;
constexpr auto settle_limit = 2s;
constexpr auto commit_limit = 1s;
constexpr auto leave_limit = 1500ms;
constexpr auto destroy_limit = 1s;
constexpr std::uint64_t least_fetched_ahead_kib = 64;
constexpr auto fetched_ahead = "queued.max.messages.kbytes";

}  // namespace

Reader::Reader(std::shared_ptr<Core> core, Reading reading, const aio::Strand& strand)
    : core_{std::move(core)},
      reading_{std::move(reading)},
      strand_{strand},
      signal_{strand},
      parts_{reading_.topic, signal_},
      look_{strand},
      gate_{strand},
      arrived_{strand},
      finished_{strand} {}

void Reader::start() {
    aio::spawn_critical(strand_, "kafka reader", [self = shared_from_this()] { return self->run(); });
}

std::unique_ptr<bus::Batch> Reader::collect() {
    const auto waiting = parts_.waiting();
    if (waiting == 0) return nullptr;
    auto batch = std::make_unique<KafkaBatch>(client_, std::min(waiting, reading_.max_batch));
    const auto n = parts_.end();
    for (std::int32_t k = 0; k < n && batch->room() > 0; ++k) {
        const auto partition = (turn_ + k) % n;
        Part* const part = parts_.find(partition);
        if (part == nullptr || part->revoked) continue;
        for (const auto* message : batch->fill(part->queue.get())) {
            if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) batch->add(*message);
            if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR ||
                message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
                note_position(*part, *message);
            else
                serve_loss(partition, *message);
        }
    }
    turn_ = (turn_ + 1) % n;
    if (batch->records.empty()) return nullptr;
    up_ = true;
    core_->set_up(true);
    return batch;
}

/// A record, or the end of the partition.
void Reader::note_position(Part& part, const rd_kafka_message_t& message) {
    if (message.offset < part.position) {
        // In a group librdkafka itself goes on at the beginning.
        spdlog::warn("kafka: {} partition {} was made again: it goes on at {}, reading stood at {}",
                     reading_.topic, message.partition, message.offset, part.position);
        part.edge = {};
        part.committed = -1;
    }
    const bool record = message.err == RD_KAFKA_RESP_ERR_NO_ERROR;
    part.position = message.offset + (record ? 1 : 0);
    if (record && !reading_.noted_as.empty()) part.edge.give(message.offset);
}

aio::awaitable<std::unique_ptr<bus::Batch>> Reader::next(std::chrono::milliseconds limit) {
    const auto self = shared_from_this();
    const auto deadline = steady_clock::now() + limit;
    while (!stop_) {
        if (auto batch = collect()) co_return batch;
        const auto left = deadline - steady_clock::now();
        if (left <= left.zero()) break;
        co_await arrived_.wait(left);
    }
    co_return nullptr;
}

void Reader::done(bus::Place place) {
    Part* const part = parts_.find(place.partition);
    if (part == nullptr) return;
    part->edge.done(place.offset);
    if ((part->revoked || stop_) && part->edge.in_flight() == 0) signal_.notify();
}

void Reader::publish() {
    bus::Stats stats;
    count(stats);
    for (std::int32_t p = 0; p < parts_.end(); ++p) {
        const Part* const part = parts_.find(p);
        if (part == nullptr) continue;
        if (rd_kafka_queue_length(part->queue.get()) >= reading_.max_queued) ++stats.paused;
        if (part->position < 0) continue;
        const auto position = part->edge.in_flight() > 0 ? part->edge.value() : part->position;
        stats.partitions.push_back(
            {reading_.topic, reading_.noted_as, p, std::max(parts_.head(p), part->position), position});
    }
    core_->publish(this, std::move(stats));
}

void Reader::stop() {
    stop_ = true;
    arrived_.notify();
    look_.notify();
    signal_.notify();
}

aio::awaitable<void> Reader::close() {
    const auto self = shared_from_this();
    stop();
    const auto deadline = steady_clock::now() + close_limit;
    while (!ended_) {
        const auto left = deadline - steady_clock::now();
        if (left <= left.zero()) {
            spdlog::warn("kafka: the consumer of {} is slow to end", reading_.topic);
            break;
        }
        co_await finished_.wait(left);
    }
}

result<void> Reader::open_client(std::int32_t partitions) {
    auto conf = make_conf(core_->config(), Role::consumer);
    if (!conf) return tl::unexpected{conf.error()};
    // Reading without a group is a matter of never joining; librdkafka wants a name all the same.
    set(conf->get(), "group.id",
        reading_.noted_as.empty() ? "stepcast-" + random_token(16) : reading_.noted_as);
    if (!core_->config().properties.contains(fetched_ahead))
        set(conf->get(), fetched_ahead,
            std::to_string(std::max(least_fetched_ahead_kib, core_->config().max_fetched_bytes / 1024 /
                                                                 static_cast<std::uint64_t>(partitions))));
    set(conf->get(), "queued.min.messages",
        std::to_string(std::clamp<std::size_t>(reading_.max_queued, 1, 10'000'000)));
    rd_kafka_conf_set_offset_commit_cb(conf->get(), &Reader::on_commit);
    rd_kafka_conf_set_stats_cb(conf->get(), &Reader::on_statistics);
    rd_kafka_conf_set_error_cb(conf->get(), &Reader::on_error);
    set_up(conf->get());
    auto client = start_client(Role::consumer, std::move(*conf), this, core_->pool());
    if (!client) return tl::unexpected{client.error()};
    client_ = std::move(*client);
    parts_.use(client_->get());
    rd_kafka_poll_set_consumer(client_->get());
    if (queue_) QueueSignal::unwatch(queue_.get());
    queue_.reset(rd_kafka_queue_get_consumer(client_->get()));
    signal_.watch(queue_.get());
    return {};
}

result<void> Reader::replace_client(std::int32_t partitions) {
    const auto before = client_;  // outlives its queues
    parts_.drop_all();
    auto opened = open_client(partitions);
    if (!opened) return opened;
    commits_open_ = 0;
    before->abandon();
    return opened;
}

int Reader::on_statistics(rd_kafka_t*, char* text, std::size_t size, void* opaque) {
    static_cast<Reader*>(opaque)->up_ = any_broker_up({text, size});
    return 0;
}

void Reader::on_error(rd_kafka_t*, int error, const char*, void* opaque) {
    if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) static_cast<Reader*>(opaque)->up_ = false;
}

void Reader::tell_of_wait(const Error& error) {
    const auto text = error.text();
    if (text == wait_logged_) return;
    wait_logged_ = text;
    spdlog::warn("kafka: waiting to read {}: {}", reading_.topic, text);
}

/// Waits until the topic exists; how many partitions it has.
aio::awaitable<std::int32_t> Reader::find_topic() {
    while (!stop_) {
        std::vector<std::string> topics{reading_.topic};
        const auto ensured = co_await core_->ensure(std::move(topics));
        const auto count = ensured ? co_await core_->partitions(reading_.topic)
                                   : result<std::int32_t>{tl::unexpected{ensured.error()}};
        if (count) co_return std::max(*count, 1);
        if (count.error().code == bus::errc::unknown_topic) core_->unlearn(reading_.topic);
        tell_of_wait(count.error());
        co_await look_.wait(reader_retry);
    }
    co_return 1;
}

aio::awaitable<void> Reader::run() {
    const auto self = shared_from_this();
    const auto partitions = co_await find_topic();
    wait_logged_.clear();
    if (!stop_) {
        if (const auto opened = open_client(partitions)) {
            begin();
            subscribed_ = true;
            co_await read_until_stopped();
            co_await finish();
        } else {
            spdlog::error("kafka: cannot read {}: {}", reading_.topic, opened.error().text());
        }
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
        while (owes_answer() && !stop_) co_await answer();
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
    spdlog::warn("kafka: {}: {}", reading_.topic, rd_kafka_message_errstr(&message));
}

/// Leaves in order: what is in flight, the last commit, the group, the client; each with a limit of its own.
aio::awaitable<void> Reader::finish() {
    while (owes_answer()) co_await answer();
    if (!reading_.noted_as.empty()) co_await settle_and_commit(settle_limit);
    co_await gate_.close(4 * ask_limit_ms * 1ms);
    parts_.drop_all();
    const ErrorPtr refused{rd_kafka_consumer_close_queue(client_->get(), queue_.get())};
    const auto deadline = steady_clock::now() + leave_limit;
    while (!refused && rd_kafka_consumer_closed(client_->get()) == 0 && steady_clock::now() < deadline) {
        poll();
        while (owes_answer()) co_await answer();
        if (rd_kafka_consumer_closed(client_->get()) != 0) break;
        co_await signal_.wait(10ms);
    }
    QueueSignal::unwatch(queue_.get());
    queue_.reset();
    parts_.drop_all();
    if (may_hang()) client_->abandon();
    if (!co_await destroy_client(std::move(client_), strand_, destroy_limit))
        spdlog::info("kafka: the reader of {} ends with its last batch", reading_.topic);
}

bool Reader::must_settle() const {
    if (!in_hand_) return false;
    for (std::int32_t p = 0; p < parts_.end(); ++p)
        if (const Part* const part = parts_.find(p);
            part != nullptr && (part->revoked || stop_) && part->edge.in_flight() > 0)
            return true;
    return false;
}

aio::awaitable<void> Reader::settle_and_commit(steady_clock::duration limit) {
    const auto deadline = steady_clock::now() + limit;
    while (must_settle() && steady_clock::now() < deadline) {
        co_await signal_.wait(std::min<steady_clock::duration>(deadline - steady_clock::now(), 1s));
        poll();
        arrived_.notify();  // the partitions that stay go on
    }
    if (rd_kafka_assignment_lost(client_->get()) != 0) co_return;
    commit();
    const auto answered = steady_clock::now() + commit_limit;
    while (commits_open_ > 0 && steady_clock::now() < answered) {
        co_await signal_.wait(answered - steady_clock::now());
        poll();
        arrived_.notify();
    }
}

/// Remembers the contiguous edges that moved. The answer comes through on_commit.
void Reader::commit() {
    const auto moved = make_partitions(static_cast<std::size_t>(parts_.end()));
    for (std::int32_t p = 0; p < parts_.end(); ++p) {
        const Part* const part = parts_.find(p);
        if (part == nullptr || part->edge.value() <= part->committed) continue;
        rd_kafka_topic_partition_list_add(moved.get(), reading_.topic.c_str(), p)->offset =
            part->edge.value();
    }
    if (moved->cnt == 0) return;
    const auto error = rd_kafka_commit(client_->get(), moved.get(), 1);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        ++commits_open_;
    else
        tell_of_commit(rd_kafka_err2str(error));
}

/// Once for each reason: commits are tried every second.
void Reader::tell_of_commit(std::string_view reason) {
    if (reason == commit_logged_) return;
    commit_logged_ = reason;
    spdlog::warn("kafka: cannot commit offsets of {}: {}", reading_.noted_as, reason);
}

void Reader::on_commit(rd_kafka_t*, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* partitions,
                       void* opaque) {
    static_cast<Reader*>(opaque)->committed(error, *partitions);
}

void Reader::committed(rd_kafka_resp_err_t error, const rd_kafka_topic_partition_list_t& partitions) {
    commits_open_ = std::max(0, commits_open_ - 1);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        commit_logged_.clear();
    else if (error != RD_KAFKA_RESP_ERR__NO_OFFSET)
        tell_of_commit(rd_kafka_err2str(error));
    for (const auto& partition : elements(partitions)) {
        Part* const part = parts_.find(partition.partition);
        if (part == nullptr || error != RD_KAFKA_RESP_ERR_NO_ERROR ||
            partition.err != RD_KAFKA_RESP_ERR_NO_ERROR)
            continue;
        part->committed = std::max(part->committed, partition.offset);
    }
}

}  // namespace stepcast::kafka
