#include "kafka/kafka_bus.hpp"

#include "aio/spawn.hpp"
#include "kafka/core.hpp"
#include "kafka/group_reader.hpp"
#include "kafka/producer.hpp"
#include "kafka/replay_reader.hpp"

namespace stepcast::kafka {
namespace {

class KafkaConsumer final : public bus::Consumer {
  public:
    explicit KafkaConsumer(std::shared_ptr<Reader> reader) : reader_{std::move(reader)} { reader_->start(); }
    KafkaConsumer(const KafkaConsumer&) = delete;
    KafkaConsumer& operator=(const KafkaConsumer&) = delete;
    ~KafkaConsumer() override { reader_->stop(); }

    bus::awaitable<std::unique_ptr<bus::Batch>> next(std::chrono::milliseconds limit) override {
        return reader_->next(limit);
    }
    void settle(bus::Place) override {}  // a producer was answered by Kafka long ago
    void done(bus::Place place) override { reader_->done(place); }
    bool caught_up() const override { return reader_->caught_up(); }
    int caught_up_percent() const override { return reader_->percent(); }
    std::int64_t too_old() const override { return reader_->too_old(); }
    std::int64_t lag() const override { return reader_->lag(); }
    bool healthy() const override { return reader_->healthy(); }
    void let_go() override { reader_->let_go(); }
    bus::awaitable<void> close() override { return reader_->close(); }

  private:
    const std::shared_ptr<Reader> reader_;  // its coroutines own it too
};

}  // namespace

result<std::unique_ptr<KafkaBus>> KafkaBus::open(asio::io_context& io, Config config) {
    const auto strand = asio::make_strand(io);
    // Settings of both roles are tried now, so that no wrong property waits for the first consumer.
    if (auto conf = make_conf(config, Role::consumer); !conf) return tl::unexpected{conf.error()};
    auto core = std::make_shared<Core>(std::move(config));
    auto producer = Producer::start(strand, core);
    if (!producer) return tl::unexpected{producer.error()};
    return std::unique_ptr<KafkaBus>{new KafkaBus{strand, std::move(core), std::move(*producer)}};
}

KafkaBus::KafkaBus(const aio::Strand& strand, std::shared_ptr<Core> core, std::shared_ptr<Producer> producer)
    : strand_{strand}, core_{std::move(core)}, producer_{std::move(producer)} {}

KafkaBus::~KafkaBus() {
    core_->pool()->join();
}

bus::awaitable<result<void>> KafkaBus::ensure_topics(std::vector<bus::TopicSpec> topics) {
    return core_->ensure_as(std::move(topics));
}

bus::awaitable<result<std::optional<Duration>>> KafkaBus::retention(std::string topic) {
    return core_->retention(std::move(topic));
}

bus::awaitable<result<std::vector<bus::Place>>> KafkaBus::produce(std::vector<bus::Message> messages) {
    return producer_->produce(std::move(messages));
}

std::unique_ptr<bus::Consumer> KafkaBus::subscribe(bus::GroupSubscription subscription,
                                                   const aio::Strand& strand) {
    return std::make_unique<KafkaConsumer>(std::make_shared<GroupReader>(core_, subscription, strand));
}
std::unique_ptr<bus::Consumer> KafkaBus::replay(bus::ReplaySubscription subscription,
                                                const aio::Strand& strand) {
    return std::make_unique<KafkaConsumer>(
        std::make_shared<ReplayReader>(core_, std::move(subscription), strand));
}

bool KafkaBus::healthy() const {
    return core_->up();
}
bus::Stats KafkaBus::stats() const {
    return core_->stats();
}

bus::awaitable<void> KafkaBus::close() {
    co_await aio::run_on(strand_, [producer = producer_] { return producer->close(); });
}

}  // namespace stepcast::kafka
