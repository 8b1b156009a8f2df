#include "kafka/topics.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <thread>

#include "base/text.hpp"
#include "bus/bus.hpp"

namespace stepcast::kafka {
namespace {

using bus::errc;
using MetadataPtr = std::unique_ptr<const rd_kafka_metadata_t, Destroy<rd_kafka_metadata_destroy>>;
using NewTopicPtr = std::unique_ptr<rd_kafka_NewTopic_t, Destroy<rd_kafka_NewTopic_destroy>>;
constexpr auto appear_limit = std::chrono::seconds{10};

auto refuse(rd_kafka_resp_err_t error, const std::string& what) {
    return fail(errc::unavailable, {}, fmt::format("{}: {}", what, rd_kafka_err2str(error)));
}

result<MetadataPtr> ask_metadata(rd_kafka_t* rk) {
    const rd_kafka_metadata_t* found = nullptr;
    const auto error = rd_kafka_metadata(rk, 1, nullptr, &found, ask_limit_ms);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return refuse(error, "cannot list Kafka's topics");
    return MetadataPtr{found};
}

/// A topic counts once each of its partitions has a leader.
result<std::vector<bus::TopicSpec>> find_missing(rd_kafka_t* rk, const std::vector<bus::TopicSpec>& topics) {
    auto metadata = ask_metadata(rk);
    if (!metadata) return tl::unexpected{metadata.error()};
    const std::span all{(*metadata)->topics, static_cast<std::size_t>((*metadata)->topic_cnt)};
    std::vector<bus::TopicSpec> missing;
    for (const auto& topic : topics) {
        const auto found =
            std::ranges::find(all, topic.name, [](const auto& t) { return std::string_view{t.topic}; });
        const bool usable = found != all.end() && found->err == RD_KAFKA_RESP_ERR_NO_ERROR &&
                            found->partition_cnt > 0 &&
                            std::all_of(found->partitions, found->partitions + found->partition_cnt,
                                        [](const auto& p) { return p.leader >= 0; });
        if (!usable) missing.push_back(topic);
    }
    return missing;
}

std::int32_t partitions_of(const bus::TopicSpec& topic, const Config& config) {
    return topic.partitions > 0 ? topic.partitions : config.partitions;
}

result<void> create(rd_kafka_t* rk, const Config& config, const std::vector<bus::TopicSpec>& topics) {
    char text[512];
    std::vector<NewTopicPtr> owned;
    std::vector<rd_kafka_NewTopic_t*> made;
    for (const auto& topic : topics) {
        owned.emplace_back(rd_kafka_NewTopic_new(topic.name.c_str(), partitions_of(topic, config),
                                                 config.replication, text, sizeof text));
        if (!owned.back()) return fail(errc::unknown_topic, topic.name, text);
        if (topic.compacted) rd_kafka_NewTopic_set_config(owned.back().get(), "cleanup.policy", "compact");
        made.push_back(owned.back().get());
    }
    const QueuePtr answers{rd_kafka_queue_new(rk)};
    rd_kafka_CreateTopics(rk, made.data(), made.size(), nullptr, answers.get());
    const EventPtr event{rd_kafka_queue_poll(answers.get(), 2 * ask_limit_ms)};
    if (!event) return refuse(RD_KAFKA_RESP_ERR__TIMED_OUT, "cannot create topics");
    if (const auto error = rd_kafka_event_error(event.get())) return refuse(error, "cannot create topics");
    std::size_t n = 0;
    const auto* results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &n);
    for (std::size_t i = 0; i < n; ++i) {
        const auto error = rd_kafka_topic_result_error(results[i]);
        const std::string name = rd_kafka_topic_result_name(results[i]);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
            spdlog::info("kafka: created topic {} with {} partitions", name,
                         partitions_of(*std::ranges::find(topics, name, &bus::TopicSpec::name), config));
        else if (error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            return fail(errc::unknown_topic, name,
                        fmt::format("cannot create topic {}: {}", name,
                                    rd_kafka_topic_result_error_string(results[i])));
    }
    return {};
}

// An offset that the broker refused and that lies in the partition now belongs to an earlier topic as well:
// what is made again may have grown since.
Span go_on(std::int64_t low, std::int64_t head, std::int64_t from, bool refused) {
    if (from < low) return {low, head, low - from, false};
    if (from > head || refused) return {low, head, 0, true};
    return {from, head};
}

}  // namespace

result<void> ensure_topics(rd_kafka_t* rk, const Config& config, const std::vector<bus::TopicSpec>& topics) {
    auto missing = find_missing(rk, topics);
    if (!missing) return tl::unexpected{missing.error()};
    if (missing->empty()) return {};
    if (!config.create_topics)
        return fail(
            errc::unknown_topic, missing->front().name,
            fmt::format("topic {} does not exist and kafka.create_topics is false", missing->front().name));
    if (auto created = create(rk, config, *missing); !created) return created;
    const auto deadline = std::chrono::steady_clock::now() + appear_limit;
    while (true) {  // the controller answers before every broker knows
        missing = find_missing(rk, topics);
        if (missing && missing->empty()) return {};
        if (std::chrono::steady_clock::now() > deadline) break;
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    if (!missing) return tl::unexpected{missing.error()};
    return fail(errc::unavailable, missing->front().name,
                fmt::format("topic {} was created but has no leader yet", missing->front().name));
}

result<std::int32_t> count_partitions(rd_kafka_t* rk, const std::string& topic) {
    auto metadata = ask_metadata(rk);
    if (!metadata) return tl::unexpected{metadata.error()};
    const std::span all{(*metadata)->topics, static_cast<std::size_t>((*metadata)->topic_cnt)};
    const auto found = std::ranges::find(all, topic, [](const auto& t) { return std::string_view{t.topic}; });
    if (found == all.end() || found->err != RD_KAFKA_RESP_ERR_NO_ERROR || found->partition_cnt == 0)
        return fail(errc::unknown_topic, topic);
    return found->partition_cnt;
}

result<std::optional<Duration>> find_retention(rd_kafka_t* rk, const std::string& topic) {
    using ResourcePtr = std::unique_ptr<rd_kafka_ConfigResource_t, Destroy<rd_kafka_ConfigResource_destroy>>;
    const auto cannot = "cannot ask for the settings of " + topic;
    const ResourcePtr resource{rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str())};
    auto* asked = resource.get();
    const QueuePtr answers{rd_kafka_queue_new(rk)};
    rd_kafka_DescribeConfigs(rk, &asked, 1, nullptr, answers.get());
    const EventPtr event{rd_kafka_queue_poll(answers.get(), 2 * ask_limit_ms)};
    if (!event) return refuse(RD_KAFKA_RESP_ERR__TIMED_OUT, cannot);
    if (const auto error = rd_kafka_event_error(event.get())) return refuse(error, cannot);
    std::size_t n = 0;
    const auto* found =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event.get()), &n);
    if (n != 1) return refuse(RD_KAFKA_RESP_ERR__BAD_MSG, cannot);
    if (const auto error = rd_kafka_ConfigResource_error(found[0])) return refuse(error, cannot);
    const auto* entries = rd_kafka_ConfigResource_configs(found[0], &n);
    std::optional<Duration> kept;
    for (std::size_t i = 0; i < n; ++i) {
        const std::string_view name = rd_kafka_ConfigEntry_name(entries[i]);
        const auto* text = rd_kafka_ConfigEntry_value(entries[i]);
        const std::string_view value = text == nullptr ? "" : text;
        // What is compacted only keeps the last record of each key, however old.
        if (name == "cleanup.policy" && value == "compact") return std::optional<Duration>{};
        if (name != "retention.ms") continue;
        if (const auto ms = parse_number<std::int64_t>(value); ms && *ms >= 0) kept = Duration{*ms};
    }
    return kept;
}

result<std::vector<Span>> find_spans(rd_kafka_t* rk, const std::string& topic,
                                     const std::vector<Wanted>& wanted, std::optional<Timestamp> since) {
    std::vector<Span> spans;
    std::vector<std::size_t> by_time;
    const auto times = make_partitions(wanted.size());
    for (const auto& [partition, from, refused] : wanted) {
        std::int64_t low = 0;
        std::int64_t head = 0;
        const auto error =
            rd_kafka_query_watermark_offsets(rk, topic.c_str(), partition, &low, &head, ask_limit_ms);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return refuse(error, "cannot ask for offsets of " + topic);
        spans.push_back(from ? go_on(low, head, *from, refused) : Span{low, head});
        if (from || !since) continue;
        by_time.push_back(spans.size() - 1);
        rd_kafka_topic_partition_list_add(times.get(), topic.c_str(), partition)->offset =
            since->time_since_epoch().count();
    }
    if (by_time.empty()) return spans;
    const auto error = rd_kafka_offsets_for_times(rk, times.get(), ask_limit_ms);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        return refuse(error, "cannot ask for offsets by time of " + topic);
    for (std::size_t i = 0; i < by_time.size(); ++i) {
        const auto& answer = times->elems[i];
        if (answer.err != RD_KAFKA_RESP_ERR_NO_ERROR)
            return refuse(answer.err, "cannot ask for offsets by time of " + topic);
        Span& span = spans[by_time[i]];
        const auto start = answer.offset >= 0 ? std::max(answer.offset, span.start) : span.head;
        span.too_old = start - span.start;
        span.start = start;
    }
    return spans;
}

}  // namespace stepcast::kafka
