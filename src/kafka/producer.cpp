#include "kafka/producer.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <algorithm>
#include <array>

#include "aio/spawn.hpp"
#include "base/text.hpp"

namespace stepcast::kafka {
namespace {

using bus::errc;
using namespace std::chrono_literals;
constexpr auto close_limit = 2s;
constexpr auto purge_limit = 1s;
// librdkafka answers within message.timeout.ms; twice that guards against an answer that never comes.
constexpr auto answer_limit = 20s;

std::size_t size_of(const bus::Message& message) {
    return message.key.size() + message.value.size() + event::text_size(message.headers);
}

errc reason(rd_kafka_resp_err_t error) {
    switch (error) {
        case RD_KAFKA_RESP_ERR__QUEUE_FULL:
            return errc::busy;
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
            return errc::too_large;
        case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:  // so librdkafka calls a topic that was deleted: it has
                                                    // none
        case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
            return errc::unknown_topic;
        case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
        case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
            return errc::closed;
        default:
            return errc::unavailable;
    }
}

std::size_t record_limit(const rd_kafka_conf_t* conf) {
    char text[32];
    std::size_t size = sizeof text;
    if (rd_kafka_conf_get(conf, "message.max.bytes", text, &size) != RD_KAFKA_CONF_OK) return 1'000'000;
    return parse_number<std::size_t>(text).value_or(1'000'000);
}

}  // namespace

/// One call of produce. librdkafka reads the values where they lie, so they stay until the last report.
struct Producer::Delivery {
    struct Slot {
        std::shared_ptr<Delivery> delivery;  // until this record's report
        std::size_t index = 0;
    };
    std::vector<bus::Message> messages;
    std::vector<bus::Place> places;
    std::vector<Slot> slots;
    std::shared_ptr<bus::Promise> promise;
};

struct Producer::Visit {
    explicit Visit(Producer& p) : producer{p} { ++producer.callers_; }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    ~Visit() { --producer.callers_; }
    Producer& producer;
};

Producer::Producer(const aio::Strand& strand, std::shared_ptr<Core> core)
    : strand_{strand},
      core_{std::move(core)},
      waiters_{std::make_shared<bus::Waiters>(answer_limit)},
      signal_{strand},
      gate_{strand} {}

Producer::~Producer() {
    waiters_->abandon();
}

result<std::shared_ptr<Producer>> Producer::start(const aio::Strand& strand, std::shared_ptr<Core> core) {
    auto conf = make_conf(core->config(), Role::producer);
    if (!conf) return tl::unexpected{conf.error()};
    rd_kafka_conf_set_events(conf->get(), RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_STATS);
    std::shared_ptr<Producer> producer{new Producer{strand, core}};
    producer->max_record_ = record_limit(conf->get());
    auto client = start_client(Role::producer, std::move(*conf), producer.get(), core->pool());
    if (!client) return tl::unexpected{client.error()};
    producer->client_ = std::move(*client);
    core->use(producer->client_);
    producer->reports_.reset(rd_kafka_queue_get_main(producer->client_->get()));
    producer->signal_.watch(producer->reports_.get());
    aio::spawn(strand, "kafka delivery reports", [producer] { return producer->read_reports(); });
    return producer;
}

bool Producer::reserve(std::size_t records, std::size_t bytes) {
    const Config& config = core_->config();
    const auto r = open_records_.fetch_add(records) + records;
    const auto b = open_bytes_.fetch_add(bytes) + bytes;
    if (r <= config.max_produced_records && b <= config.max_produced_bytes) return true;
    release(records, bytes);
    return false;
}

void Producer::release(std::size_t records, std::size_t bytes) {
    open_records_.fetch_sub(records);
    open_bytes_.fetch_sub(bytes);
}

rd_kafka_resp_err_t Producer::enqueue(bus::Message& message, void* tag) {
    std::array<rd_kafka_vu_t, 5> values{};
    values[0].vtype = RD_KAFKA_VTYPE_TOPIC;
    values[0].u.cstr = message.topic.c_str();
    values[1].vtype = RD_KAFKA_VTYPE_KEY;
    values[1].u.mem = {message.key.empty() ? nullptr : message.key.data(), message.key.size()};
    values[2].vtype = RD_KAFKA_VTYPE_VALUE;
    values[2].u.mem = {message.value.data(), message.value.size()};
    values[3].vtype = RD_KAFKA_VTYPE_OPAQUE;
    values[3].u.ptr = tag;
    std::size_t n = 4;
    rd_kafka_headers_t* headers = nullptr;
    if (!message.headers.empty()) {
        headers = rd_kafka_headers_new(message.headers.size());
        for (const auto& [name, value] : message.headers)
            rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                                static_cast<ssize_t>(value.size()));
        values[n].vtype = RD_KAFKA_VTYPE_HEADERS;
        values[n++].u.headers = headers;
    }
    const ErrorPtr error{rd_kafka_produceva(client_->get(), values.data(), n)};
    if (!error) return RD_KAFKA_RESP_ERR_NO_ERROR;
    if (headers != nullptr) rd_kafka_headers_destroy(headers);
    return rd_kafka_error_code(error.get());
}

aio::awaitable<result<std::vector<bus::Place>>> Producer::produce(std::vector<bus::Message> messages) {
    const auto self = shared_from_this();
    const Visit visit{*this};
    if (messages.empty()) co_return std::vector<bus::Place>{};
    if (closing_) co_return fail(errc::closed);
    std::vector<std::string> topics;
    std::size_t bytes = 0;
    for (const auto& message : messages) {
        if (size_of(message) > max_record_) co_return fail(errc::too_large, message.topic);
        bytes += size_of(message);
        if (topics.empty() || topics.back() != message.topic) topics.push_back(message.topic);
    }
    if (auto ensured = co_await core_->ensure(std::move(topics)); !ensured)
        co_return tl::unexpected{ensured.error()};
    const std::size_t n = messages.size();
    if (n > core_->config().max_produced_records || bytes > core_->config().max_produced_bytes)
        co_return fail(errc::too_large);
    if (!reserve(n, bytes)) {
        core_->produce_failed += n;
        co_return fail(errc::busy, {}, "too much is waiting for Kafka");
    }
    const auto delivery = std::make_shared<Delivery>();
    delivery->messages = std::move(messages);
    delivery->places.resize(n);
    delivery->slots.resize(n);
    delivery->promise = std::make_shared<bus::Promise>(waiters_, n);
    for (std::size_t i = 0; i < n; ++i) {
        delivery->slots[i] = {delivery, i};
        const auto error = enqueue(delivery->messages[i], &delivery->slots[i]);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
        delivery->slots[i].delivery.reset();
        release(1, size_of(delivery->messages[i]));
        refuse(*delivery, i, error);
    }
    if (auto refused = co_await delivery->promise->wait()) co_return tl::unexpected{std::move(*refused)};
    co_return std::move(delivery->places);
}

// A topic that is gone, or of which nothing was heard for so long, is looked for by the next call, and made
// again. librdkafka says so at once where it knows, and else lets its records wait until they are too old.
void Producer::refuse(Delivery& delivery, std::size_t index, rd_kafka_resp_err_t error) {
    const auto why = reason(error);
    ++core_->produce_failed;
    if (why == errc::unknown_topic || error == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT)
        core_->unlearn(delivery.messages[index].topic);
    delivery.promise->refuse(Error{why});
}

void Producer::report(const rd_kafka_message_t& message) {
    auto& slot = *static_cast<Delivery::Slot*>(message._private);
    const auto delivery = std::move(slot.delivery);
    release(1, size_of(delivery->messages[slot.index]));
    if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        delivery->places[slot.index] = {message.partition, message.offset};
        ++core_->produced;
        core_->set_up(true);
        delivery->promise->answer();
    } else {
        refuse(*delivery, slot.index, message.err);
    }
}

void Producer::serve_error(rd_kafka_resp_err_t error) {
    if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) core_->set_up(false);
    if (error != RD_KAFKA_RESP_ERR__FATAL) return;
    char text[512] = "";
    rd_kafka_fatal_error(client_->get(), text, sizeof text);
    spdlog::critical("kafka: the idempotent producer cannot go on, a restart is needed: {}", text);
    core_->give_up();
}

void Producer::drain() {
    while (const EventPtr event{rd_kafka_queue_poll(reports_.get(), 0)}) {
        switch (rd_kafka_event_type(event.get())) {
            case RD_KAFKA_EVENT_DR:
                while (const auto* message = rd_kafka_event_message_next(event.get())) report(*message);
                break;
            case RD_KAFKA_EVENT_STATS:
                core_->set_up(any_broker_up(rd_kafka_event_stats(event.get())));
                break;
            case RD_KAFKA_EVENT_ERROR:
                serve_error(rd_kafka_event_error(event.get()));
                break;
            default:
                break;
        }
    }
}

aio::awaitable<void> Producer::read_reports() {
    const auto hold = gate_.enter();
    while (!gate_.closed()) {
        drain();
        co_await signal_.wait(1s);
    }
}

aio::awaitable<void> Producer::wait_for_callers(std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while ((callers_ > 0 || open_records_ > 0) && std::chrono::steady_clock::now() < deadline)
        co_await aio::pause(5ms);
}

aio::awaitable<void> Producer::close() {
    const auto self = shared_from_this();
    if (closing_.exchange(true)) co_return;
    co_await wait_for_callers(close_limit);
    if (open_records_ > 0) {
        spdlog::warn("kafka: giving up {} records that were not acknowledged", open_records_.load());
        rd_kafka_purge(client_->get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    }
    co_await wait_for_callers(purge_limit);
    signal_.notify();
    co_await gate_.close(purge_limit);
    core_->use(nullptr);
    QueueSignal::unwatch(reports_.get());
    signal_.close();
    if (callers_ > 0) {
        spdlog::warn("kafka: {} calls still wait for Kafka, its client is left to them", callers_.load());
        co_return;
    }
    reports_.reset();
    if (!co_await destroy_client(std::move(client_), strand_, purge_limit))
        spdlog::warn("kafka: the producer is slow to end");
}

}  // namespace stepcast::kafka
