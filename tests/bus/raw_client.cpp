#include "bus/raw_client.hpp"

#include <gtest/gtest.h>
#include <array>
#include <stdexcept>

namespace stepcast::bus_test {
namespace {

rd_kafka_t* make(rd_kafka_type_t type, const std::string& brokers,
                 std::initializer_list<std::pair<const char*, const char*>> settings) {
    char text[256];
    rd_kafka_conf_t* const conf = rd_kafka_conf_new();
    kafka::set(conf, "bootstrap.servers", brokers);
    for (const auto& [name, value] : settings) kafka::set(conf, name, value);
    // Who wants to know whether a record was taken gives a bool with it.
    rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* message, void*) {
        if (message->_private != nullptr && message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            *static_cast<bool*>(message->_private) = true;
    });
    rd_kafka_t* const rk = rd_kafka_new(type, conf, text, sizeof text);
    if (rk == nullptr) throw std::runtime_error{text};
    return rk;
}

std::string text_of(const void* data, std::size_t size) {
    return data == nullptr ? std::string{} : std::string{static_cast<const char*>(data), size};
}

}  // namespace

RawClient::RawClient(const std::string& brokers)
    : brokers_{brokers},
      producer_{make(RD_KAFKA_PRODUCER, brokers,
                     // Idempotent, because otherwise a batch that the leader of a new topic refuses for a
                     // moment comes behind its successors.
                     {{"partitioner", "murmur2_random"},
                      {"message.max.bytes", "1048500"},
                      {"enable.idempotence", "true"}})} {}

RawClient::~RawClient() {
    flush();
    rd_kafka_destroy(producer_);
}

void RawClient::flush() {
    EXPECT_EQ(rd_kafka_flush(producer_, 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
}

void RawClient::create_topic(const std::string& topic, int partitions, int max_message_bytes) {
    char text[256];
    auto* made = rd_kafka_NewTopic_new(topic.c_str(), partitions, 1, text, sizeof text);
    if (max_message_bytes > 0)
        rd_kafka_NewTopic_set_config(made, "max.message.bytes", std::to_string(max_message_bytes).c_str());
    const kafka::QueuePtr answers{rd_kafka_queue_new(producer_)};
    rd_kafka_CreateTopics(producer_, &made, 1, nullptr, answers.get());
    const kafka::EventPtr event{rd_kafka_queue_poll(answers.get(), 10'000)};
    EXPECT_NE(event, nullptr);
    rd_kafka_NewTopic_destroy(made);
    await_partitions(topic, partitions);
}

void RawClient::delete_topic(const std::string& topic) {
    auto* gone = rd_kafka_DeleteTopic_new(topic.c_str());
    const kafka::QueuePtr answers{rd_kafka_queue_new(producer_)};
    rd_kafka_DeleteTopics(producer_, &gone, 1, nullptr, answers.get());
    const kafka::EventPtr event{rd_kafka_queue_poll(answers.get(), 10'000)};
    EXPECT_NE(event, nullptr);
    rd_kafka_DeleteTopic_destroy(gone);
    await_partitions(topic, 0);
}

void RawClient::await_partitions(const std::string& topic, int partitions) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    while (count_led(topic) != partitions)
        ASSERT_LT(std::chrono::steady_clock::now(), deadline)
            << topic << " has " << count_led(topic) << " partitions with a leader, not " << partitions;
}

int RawClient::count_led(const std::string& topic) {
    const rd_kafka_metadata_t* metadata = nullptr;
    EXPECT_EQ(rd_kafka_metadata(producer_, 1, nullptr, &metadata, 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
    int led = 0;
    for (int i = 0; metadata != nullptr && i < metadata->topic_cnt; ++i)
        for (int p = 0; metadata->topics[i].topic == topic && p < metadata->topics[i].partition_cnt; ++p)
            led += metadata->topics[i].partitions[p].leader >= 0 ? 1 : 0;
    rd_kafka_metadata_destroy(metadata);
    return led;
}

void RawClient::delete_records(const std::string& topic, std::int32_t partition, std::int64_t offset) {
    const auto before = kafka::make_partitions(1);
    rd_kafka_topic_partition_list_add(before.get(), topic.c_str(), partition)->offset = offset;
    auto* gone = rd_kafka_DeleteRecords_new(before.get());
    const kafka::QueuePtr answers{rd_kafka_queue_new(producer_)};
    rd_kafka_DeleteRecords(producer_, &gone, 1, nullptr, answers.get());
    const kafka::EventPtr event{rd_kafka_queue_poll(answers.get(), 10'000)};
    EXPECT_NE(event, nullptr);
    if (event) EXPECT_EQ(rd_kafka_event_error(event.get()), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_DeleteRecords_destroy(gone);
}

std::int64_t RawClient::committed(const std::string& group, const std::string& topic) {
    rd_kafka_t* const rk = make(RD_KAFKA_CONSUMER, brokers_, {{"group.id", group.c_str()}});
    const auto asked = kafka::make_partitions(1);
    rd_kafka_topic_partition_list_add(asked.get(), topic.c_str(), 0);
    EXPECT_EQ(rd_kafka_committed(rk, asked.get(), 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(rk);
    return asked->elems[0].offset;
}

void RawClient::grow_topic(const std::string& topic, int partitions) {
    char text[256];
    auto* grown =
        rd_kafka_NewPartitions_new(topic.c_str(), static_cast<std::size_t>(partitions), text, sizeof text);
    const kafka::QueuePtr answers{rd_kafka_queue_new(producer_)};
    rd_kafka_CreatePartitions(producer_, &grown, 1, nullptr, answers.get());
    const kafka::EventPtr event{rd_kafka_queue_poll(answers.get(), 10'000)};
    EXPECT_NE(event, nullptr);
    rd_kafka_NewPartitions_destroy(grown);
    await_partitions(topic, partitions);
}

void RawClient::produce_tombstone(const std::string& topic, const std::string& key) {
    std::array<rd_kafka_vu_t, 2> values{};
    values[0].vtype = RD_KAFKA_VTYPE_TOPIC;
    values[0].u.cstr = topic.c_str();
    values[1].vtype = RD_KAFKA_VTYPE_KEY;
    values[1].u.mem = {const_cast<char*>(key.data()), key.size()};
    const kafka::ErrorPtr error{rd_kafka_produceva(producer_, values.data(), values.size())};
    EXPECT_EQ(error, nullptr);
    flush();
}

void RawClient::produce_at(const std::string& topic, const std::string& key, const std::string& value,
                           Timestamp time, std::int32_t partition) {
    std::array<rd_kafka_vu_t, 6> values{};
    values[0].vtype = RD_KAFKA_VTYPE_TOPIC;
    values[0].u.cstr = topic.c_str();
    values[1].vtype = RD_KAFKA_VTYPE_KEY;
    values[1].u.mem = {const_cast<char*>(key.data()), key.size()};
    values[2].vtype = RD_KAFKA_VTYPE_VALUE;
    values[2].u.mem = {const_cast<char*>(value.data()), value.size()};
    values[3].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    values[3].u.i = RD_KAFKA_MSG_F_COPY;
    values[4].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
    values[4].u.i64 = time.time_since_epoch().count();
    values[5].vtype = RD_KAFKA_VTYPE_PARTITION;
    values[5].u.i32 = partition;
    const kafka::ErrorPtr error{rd_kafka_produceva(producer_, values.data(), values.size())};
    EXPECT_EQ(error, nullptr);
}

std::string RawClient::setting(const std::string& topic, const std::string& name) {
    rd_kafka_ConfigResource_t* asked = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str());
    const kafka::QueuePtr answers{rd_kafka_queue_new(producer_)};
    rd_kafka_DescribeConfigs(producer_, &asked, 1, nullptr, answers.get());
    rd_kafka_ConfigResource_destroy(asked);
    const kafka::EventPtr event{rd_kafka_queue_poll(answers.get(), 10'000)};
    std::size_t n = 0;
    const auto* told = event ? rd_kafka_event_DescribeConfigs_result(event.get()) : nullptr;
    const auto** resources = told ? rd_kafka_DescribeConfigs_result_resources(told, &n) : nullptr;
    if (n == 0) return "";
    const auto** entries = rd_kafka_ConfigResource_configs(resources[0], &n);
    for (std::size_t i = 0; i < n; ++i)
        if (rd_kafka_ConfigEntry_name(entries[i]) == name) return rd_kafka_ConfigEntry_value(entries[i]);
    return "";
}

bool RawClient::produce_to(const std::string& topic, std::int32_t partition, const std::string& value) {
    rd_kafka_t* const rk = make(
        RD_KAFKA_PRODUCER, brokers_,
        {{"message.timeout.ms", "3000"}, {"linger.ms", "0"}, {"topic.metadata.refresh.sparse", "false"}});
    bool taken = false;
    std::array<rd_kafka_vu_t, 5> values{};
    values[0].vtype = RD_KAFKA_VTYPE_TOPIC;
    values[0].u.cstr = topic.c_str();
    values[1].vtype = RD_KAFKA_VTYPE_PARTITION;
    values[1].u.i32 = partition;
    values[2].vtype = RD_KAFKA_VTYPE_VALUE;
    values[2].u.mem = {const_cast<char*>(value.data()), value.size()};
    values[3].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    values[3].u.i = RD_KAFKA_MSG_F_COPY;
    values[4].vtype = RD_KAFKA_VTYPE_OPAQUE;
    values[4].u.ptr = &taken;
    const kafka::ErrorPtr error{rd_kafka_produceva(rk, values.data(), values.size())};
    EXPECT_EQ(error, nullptr);
    rd_kafka_flush(rk, 5000);
    rd_kafka_destroy(rk);
    return taken;
}

std::vector<RawClient::Read> RawClient::read_all(const std::string& topic) {
    rd_kafka_t* const rk =
        make(RD_KAFKA_CONSUMER, brokers_,
             {{"group.id", "raw"}, {"enable.auto.commit", "false"}, {"enable.partition.eof", "true"}});
    const rd_kafka_metadata_t* metadata = nullptr;
    EXPECT_EQ(rd_kafka_metadata(rk, 1, nullptr, &metadata, 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
    const auto partitions = kafka::make_partitions();
    for (int i = 0; i < metadata->topic_cnt; ++i)
        for (int p = 0; metadata->topics[i].topic == topic && p < metadata->topics[i].partition_cnt; ++p)
            rd_kafka_topic_partition_list_add(partitions.get(), topic.c_str(), p)->offset =
                RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_assign(rk, partitions.get());
    std::vector<Read> all;
    for (int ended = 0; ended < partitions->cnt;) {
        rd_kafka_message_t* const message = rd_kafka_consumer_poll(rk, 10'000);
        if (message == nullptr) break;
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) ++ended;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            Read read{text_of(message->key, message->key_len), text_of(message->payload, message->len), {}};
            rd_kafka_headers_t* headers = nullptr;
            rd_kafka_message_headers(message, &headers);
            const char* name = nullptr;
            const void* value = nullptr;
            std::size_t size = 0;
            for (std::size_t i = 0;
                 headers != nullptr &&
                 rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
                 ++i)
                read.headers[name] = text_of(value, size);
            all.push_back(std::move(read));
        }
        rd_kafka_message_destroy(message);
    }
    rd_kafka_destroy(rk);
    return all;
}

}  // namespace stepcast::bus_test
