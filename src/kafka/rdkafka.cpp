#include "kafka/rdkafka.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <algorithm>
#include <array>
#include <asio/post.hpp>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <thread>

#include "aio/notice.hpp"

namespace stepcast::kafka {
namespace {

// A reader is answered every `fetch.wait.max.ms`, a producer within milliseconds.
constexpr std::int64_t silent_us = 2'500'000;

using Settings = std::initializer_list<std::pair<const char*, const char*>>;

// What the promises of the bus rest on; a configured value would break them silently.
constexpr std::array owned = {"bootstrap.servers",
                              "metadata.broker.list",
                              "group.id",
                              "enable.idempotence",
                              "acks",
                              "request.required.acks",
                              "partitioner",
                              "enable.auto.commit",
                              "enable.auto.offset.store",
                              "auto.offset.reset",
                              "enable.partition.eof",
                              "statistics.interval.ms",
                              "queued.min.messages",
                              "partition.assignment.strategy"};

// A broker that comes back is noticed within about a second; one that is silent is given up after ten.
constexpr Settings common = {{"reconnect.backoff.max.ms", "1000"},
                             {"socket.timeout.ms", "10000"},
                             {"socket.keepalive.enable", "true"},
                             {"statistics.interval.ms", "1000"},
                             {"topic.metadata.refresh.interval.ms", "30000"},
                             {"log.connection.close", "false"}};

constexpr Settings producing = {
    {"enable.idempotence", "true"},
    {"acks", "all"},
    {"partitioner", "murmur2_random"},  // Java's default, so foreign producers agree
    {"message.timeout.ms", "10000"},
    {"message.max.bytes", "1048000"},  // a dead letter adds headers to a record of 1,000,000
    {"linger.ms", "2"}};

constexpr Settings consuming = {{"enable.auto.commit", "false"},
                                {"enable.auto.offset.store", "false"},
                                {"auto.offset.reset", "earliest"},
                                {"enable.partition.eof", "true"},
                                {"partition.assignment.strategy", "range"},
                                {"session.timeout.ms", "10000"},
                                {"heartbeat.interval.ms", "2000"},
                                {"fetch.wait.max.ms", "50"},
                                {"fetch.error.backoff.ms", "100"},
                                {"queued.max.messages.kbytes", "32768"}};

spdlog::level::level_enum level_of(int syslog_level) {
    if (syslog_level <= 3) return spdlog::level::err;
    if (syslog_level == 4) return spdlog::level::warn;
    return syslog_level <= 6 ? spdlog::level::info : spdlog::level::debug;
}

void log(const rd_kafka_t*, int level, const char* facility, const char* text) {
    // Properties go to both roles; those of the other one are reported each time.
    if (std::string_view{facility} == "CONFWARN") level = 7;
    spdlog::log(level_of(level), "kafka: {} {}", facility, text);
}

/// 0 if there is none.
std::int64_t number_behind(std::string_view text, std::string_view name) {
    std::int64_t number = 0;
    const auto at = text.find(name);
    if (at != text.npos) std::from_chars(text.data() + at + name.size(), text.data() + text.size(), number);
    return number;
}

}  // namespace

Client::~Client() {
    const auto destroy = [rk = rk_] { rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE); };
    if (abandoned_) {
        std::thread{destroy}.detach();
        return;
    }
    asio::post(*pool_, [destroy, notify = std::move(destroyed_)] {
        destroy();
        if (notify) notify();
    });
}

void set(rd_kafka_conf_t* conf, const char* name, const std::string& value) {
    char text[512];
    if (rd_kafka_conf_set(conf, name, value.c_str(), text, sizeof text) != RD_KAFKA_CONF_OK)
        throw std::logic_error{text};
}

result<ConfPtr> make_conf(const Config& config, Role role) {
    ConfPtr conf{rd_kafka_conf_new()};
    for (const auto& [name, value] : common) set(conf.get(), name, value);
    for (const auto& [name, value] : role == Role::producer ? producing : consuming)
        set(conf.get(), name, value);
    set(conf.get(), "client.id", config.client_id);
    if (role == Role::producer) {
        // Our own count refuses first, for a whole call at once.
        set(conf.get(), "queue.buffering.max.messages", std::to_string(2 * config.max_produced_records));
        set(conf.get(), "queue.buffering.max.kbytes",
            std::to_string(4 * config.max_produced_bytes / 1024 + 1));
    }
    char text[512];
    for (const auto& [name, value] : config.properties) {
        const std::string key = "kafka.properties." + name;
        if (std::ranges::find(owned, name) != owned.end())
            return fail(std::make_error_code(std::errc::invalid_argument), key, "is set by Stepcast itself");
        if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), text, sizeof text) != RD_KAFKA_CONF_OK)
            return fail(std::make_error_code(std::errc::invalid_argument), key, text);
    }
    if (rd_kafka_conf_set(conf.get(), "bootstrap.servers", config.brokers.c_str(), text, sizeof text) !=
        RD_KAFKA_CONF_OK)
        return fail(std::make_error_code(std::errc::invalid_argument), "kafka.brokers", text);
    rd_kafka_conf_set_log_cb(conf.get(), log);
    return conf;
}

result<std::shared_ptr<Client>> start_client(Role role, ConfPtr conf, void* opaque,
                                             std::shared_ptr<asio::thread_pool> pool) {
    rd_kafka_conf_set_opaque(conf.get(), opaque);
    char text[512];
    rd_kafka_t* const rk = rd_kafka_new(role == Role::producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER,
                                        conf.get(), text, sizeof text);
    if (rk == nullptr) return fail(std::make_error_code(std::errc::invalid_argument), "kafka", text);
    static_cast<void>(conf.release());  // rd_kafka_new owns it once it succeeds
    return std::make_shared<Client>(rk, std::move(pool));
}

aio::awaitable<bool> destroy_client(std::shared_ptr<Client> client, aio::Strand strand,
                                    std::chrono::milliseconds limit) {
    if (client.use_count() != 1) co_return false;
    const auto gone = std::make_shared<aio::Notice>(strand);
    client->on_destroyed([gone, strand] { asio::post(strand, [gone] { gone->notify(); }); });
    client.reset();
    co_return co_await gone->wait(limit);
}

bool any_broker_up(std::string_view statistics) {
    constexpr std::string_view up = "\"state\":\"UP\"";
    bool any = false;
    bool owes = false;
    for (auto at = statistics.find(up); at != statistics.npos; at = statistics.find(up)) {
        statistics.remove_prefix(at + up.size());
        const auto silent = number_behind(statistics, "\"rxidle\":");
        if (silent < silent_us) return true;
        any = true;
        owes = owes || number_behind(statistics, "\"waitresp_cnt\":") > 0;
    }
    return any && !owes;
}

}  // namespace stepcast::kafka
