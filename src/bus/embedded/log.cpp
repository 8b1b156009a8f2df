#include "bus/embedded/log.hpp"

#include <algorithm>
#include <cassert>

#include "base/hash.hpp"
#include "bus/embedded/state.hpp"

namespace stepcast::bus {
namespace {

constexpr std::size_t record_cost = 128;  // bookkeeping of one record, so that empty ones are bounded too
constexpr std::string_view dead_letter_suffix = ".dlq";

std::size_t cost(const auto& record) {
    return record.key.size() + record.value.size() + event::text_size(record.headers) +
           record.headers.size() * sizeof(event::Header) + record_cost;
}

}  // namespace

EmbeddedLog::EmbeddedLog(EmbeddedOptions options, const Clock& clock) : options_{options}, clock_{clock} {}
EmbeddedLog::~EmbeddedLog() = default;

EmbeddedLog::Topic& EmbeddedLog::topic(std::string_view name, std::int32_t partitions) {
    if (const auto found = topics_.find(name); found != topics_.end()) return *found->second;
    auto made = std::make_unique<Topic>();
    made->name = name;
    made->partitions.resize(static_cast<std::size_t>(partitions > 0 ? partitions : options_.partitions));
    return *topics_.emplace(name, std::move(made)).first->second;
}

void EmbeddedLog::ensure_topic(const TopicSpec& spec) {
    const std::lock_guard lock{mutex_};
    topic(spec.name, spec.partitions);
}

bool EmbeddedLog::has_room(const Topic& topic, std::size_t records, std::size_t bytes) const {
    if (topic.groups.empty() && topic.name.ends_with(dead_letter_suffix)) return true;
    return topic.records + records <= options_.max_records && topic.bytes + bytes <= options_.max_bytes;
}

result<std::size_t> EmbeddedLog::admit(std::span<const Message> messages) {
    struct Need {
        Topic* topic;
        std::size_t records;
        std::size_t bytes;
    };
    std::vector<Need> needs;
    std::size_t answers = 0;
    for (const auto& message : messages) {
        if (needs.empty() || needs.back().topic->name != message.topic) {
            Topic& t = topic(message.topic);
            const auto known = std::ranges::find(needs, &t, &Need::topic);
            if (known == needs.end())
                needs.push_back({&t, 0, 0});
            else
                std::swap(*known, needs.back());
        }
        Need& need = needs.back();
        ++need.records;
        need.bytes += cost(message);
        answers += static_cast<std::size_t>(
            std::ranges::count_if(need.topic->groups, [](const auto& g) { return !g->name.empty(); }));
    }
    for (const auto& need : needs) {
        if (need.records > options_.max_records || need.bytes > options_.max_bytes)
            return fail(errc::too_large, need.topic->name);
        if (!has_room(*need.topic, need.records, need.bytes)) return fail(errc::busy, need.topic->name);
    }
    return answers;
}

result<std::vector<Place>> EmbeddedLog::append(
    std::vector<Message>& messages,
    const std::function<std::shared_ptr<Promise>(std::size_t answers)>& make_promise) {
    const std::lock_guard lock{mutex_};
    if (closed_) return fail(errc::closed);
    const auto answers = admit(messages);
    if (!answers) {
        refused_ += messages.size();
        return tl::unexpected{answers.error()};
    }
    const auto promise = *answers > 0 ? make_promise(*answers) : nullptr;
    std::vector<Place> places;
    places.reserve(messages.size());
    const auto now = clock_.now();
    for (auto& message : messages) places.push_back(append_one(topic(message.topic), message, promise, now));
    produced_ += messages.size();
    return places;
}

Place EmbeddedLog::append_one(Topic& topic, Message& message, const std::shared_ptr<Promise>& promise,
                              Timestamp now) {
    const auto choice = message.key.empty() ? topic.next_keyless++ : stable_hash(message.key);
    const auto index = choice % topic.partitions.size();
    Partition& partition = topic.partitions[index];
    const Place place{static_cast<std::int32_t>(index), partition.head()};
    ++topic.records;
    topic.bytes += cost(message);
    auto& slot = partition.slots.emplace_back();
    slot.entry = std::make_shared<const Entry>(
        Entry{std::move(message.key), std::move(message.value), std::move(message.headers), now});
    for (const auto& group : topic.groups) {
        Share& share = group->shares[index];
        if (group->name.empty()) {
            share.flags.push_back(0);
        } else {
            share.flags.push_back(Share::promised);
            slot.promise = promise;
            ++slot.unsettled;
        }
        if (share.owner != nullptr) share.owner->wake_if_idle();
    }
    if (topic.groups.empty()) make_room(topic);
    return place;
}

/// Only a dead-letter topic without readers can be beyond its bound here.
void EmbeddedLog::make_room(Topic& topic) {
    while (topic.records > options_.max_records || topic.bytes > options_.max_bytes) {
        const auto longest = std::ranges::max_element(
            topic.partitions, {}, [](const Partition& partition) { return partition.slots.size(); });
        drop_front(topic, *longest);
    }
}

void EmbeddedLog::drop_front(Topic& topic, Partition& partition) {
    --topic.records;
    topic.bytes -= cost(*partition.slots.front().entry);
    partition.slots.pop_front();
    ++partition.base;
}

void EmbeddedLog::trim(Topic& topic, std::size_t index) {
    Partition& partition = topic.partitions[index];
    std::int64_t needed = partition.head();
    for (const auto& group : topic.groups) needed = std::min(needed, group->shares[index].edge);
    while (partition.base < needed) drop_front(topic, partition);
}

void EmbeddedLog::close() {
    const std::lock_guard lock{mutex_};
    closed_ = true;
    for (const auto& [name, topic] : topics_)
        for (auto& partition : topic->partitions)
            for (auto& slot : partition.slots)
                for (; slot.unsettled > 0; --slot.unsettled) slot.promise->refuse(errc::closed);
}

bool EmbeddedLog::closed() const {
    const std::lock_guard lock{mutex_};
    return closed_;
}

Stats EmbeddedLog::stats() const {
    const std::lock_guard lock{mutex_};
    Stats stats;
    stats.connected = !closed_;
    stats.rebalances = rebalances_;
    stats.produced = produced_;
    stats.produce_failed = refused_;
    stats.missed = missed_;
    for (const auto& [name, topic] : topics_)
        for (const auto& group : topic->groups)
            for (std::size_t i = 0; i < group->shares.size(); ++i)
                stats.partitions.push_back({name, group->name, static_cast<std::int32_t>(i),
                                            topic->partitions[i].head(), group->shares[i].edge});
    return stats;
}

}  // namespace stepcast::bus
