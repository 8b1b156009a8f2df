// The least that reading a Kafka topic can cost, as the yardstick of `./dev bench kafka`: librdkafka alone,
// every partition from its beginning, in batches, and every byte counted but nothing decoded or kept.
//
//     kafka_floor BROKERS TOPIC COUNT      prints {"events":…,"seconds":…,"events_per_second":…}
#include <librdkafka/rdkafka.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

using Clock = std::chrono::steady_clock;

void set(rd_kafka_conf_t* conf, const char* name, const char* value) {
    std::array<char, 512> error;
    if (rd_kafka_conf_set(conf, name, value, error.data(), error.size()) == RD_KAFKA_CONF_OK) return;
    std::fprintf(stderr, "kafka_floor: %s\n", error.data());
    std::exit(1);
}

rd_kafka_t* make_consumer(const char* brokers) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", brokers);
    set(conf, "group.id", "kafka-floor");
    set(conf, "enable.auto.commit", "false");
    std::array<char, 512> error;
    rd_kafka_t* kafka = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error.data(), error.size());
    if (kafka == nullptr) {
        std::fprintf(stderr, "kafka_floor: %s\n", error.data());
        std::exit(1);
    }
    rd_kafka_poll_set_consumer(kafka);
    return kafka;
}

/// Every partition of the topic, from its first record.
void assign_all(rd_kafka_t* kafka, const char* topic) {
    rd_kafka_topic_t* handle = rd_kafka_topic_new(kafka, topic, nullptr);
    const rd_kafka_metadata_t* metadata = nullptr;
    if (rd_kafka_metadata(kafka, 0, handle, &metadata, 10000) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        std::fprintf(stderr, "kafka_floor: the broker does not answer\n");
        std::exit(1);
    }
    rd_kafka_topic_partition_list_t* all =
        rd_kafka_topic_partition_list_new(metadata->topics[0].partition_cnt);
    for (int i = 0; i < metadata->topics[0].partition_cnt; ++i) {
        rd_kafka_topic_partition_list_add(all, topic, metadata->topics[0].partitions[i].id)->offset =
            RD_KAFKA_OFFSET_BEGINNING;
    }
    rd_kafka_assign(kafka, all);
    rd_kafka_topic_partition_list_destroy(all);
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: kafka_floor BROKERS TOPIC COUNT\n");
        return 1;
    }
    const long wanted = std::strtol(argv[3], nullptr, 10);
    rd_kafka_t* kafka = make_consumer(argv[1]);
    rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(kafka);
    assign_all(kafka, argv[2]);

    std::array<rd_kafka_message_t*, 1000> batch;
    long events = 0;
    long events_before = 0;
    std::size_t bytes = 0;
    Clock::time_point first;
    Clock::time_point last = Clock::now();
    while (events < wanted && Clock::now() - last < std::chrono::seconds{30}) {
        const auto count = rd_kafka_consume_batch_queue(queue, 100, batch.data(), batch.size());
        for (ssize_t i = 0; i < count; ++i) {
            const auto* message = batch[static_cast<std::size_t>(i)];
            if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
                ++events;
                bytes += message->len;
            }
            rd_kafka_message_destroy(batch[static_cast<std::size_t>(i)]);
        }
        if (count > 0) last = Clock::now();
        if (events_before == 0 && events > 0) {
            events_before = events;
            first = last;
        }
    }
    const double seconds = std::chrono::duration<double>(last - first).count();
    std::printf("{\"events\":%ld,\"bytes\":%zu,\"seconds\":%.6f,\"events_per_second\":%.0f}\n", events, bytes,
                seconds, static_cast<double>(events - events_before) / seconds);
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(kafka);
    rd_kafka_destroy(kafka);
    return events >= wanted ? 0 : 1;
}
