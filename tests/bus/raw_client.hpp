#pragma once
#include <map>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "kafka/rdkafka.hpp"

namespace stepcast::bus_test {

/// A plain Kafka client beside the bus, for what only foreign clients do.
class RawClient {
  public:
    explicit RawClient(const std::string& brokers);
    ~RawClient();
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;

    /// Returns once each partition has a leader: the controller answers before the brokers know.
    /// `max_message_bytes`: of the topic; 0: the broker's own bound.
    void create_topic(const std::string& topic, int partitions, int max_message_bytes = 0);
    /// Returns once no broker names it any more.
    void delete_topic(const std::string& topic);
    /// Lets the records below `offset` expire.
    void delete_records(const std::string& topic, std::int32_t partition, std::int64_t offset);
    /// What a group noted of partition 0; negative if nothing.
    std::int64_t committed(const std::string& group, const std::string& topic);
    /// What the broker says of a setting of the topic; empty if it does not.
    std::string setting(const std::string& topic, const std::string& name);
    /// Returns once each partition has a leader.
    void grow_topic(const std::string& topic, int partitions);
    void produce_tombstone(const std::string& topic, const std::string& key);
    void produce_at(const std::string& topic, const std::string& key, const std::string& value,
                    Timestamp time, std::int32_t partition = RD_KAFKA_PARTITION_UA);
    /// One record, and whether the broker took it: a topic that was just made may have no leader yet.
    bool produce_to(const std::string& topic, std::int32_t partition, const std::string& value);
    void flush();

    struct Read {
        std::string key;
        std::string value;
        std::map<std::string, std::string> headers;
    };
    /// All that the topic holds now.
    std::vector<Read> read_all(const std::string& topic);

  private:
    void await_partitions(const std::string& topic, int partitions);
    /// How many partitions of the topic have a leader; 0 if the broker does not name it.
    int count_led(const std::string& topic);

    const std::string brokers_;
    rd_kafka_t* producer_ = nullptr;
};

}  // namespace stepcast::bus_test
