#include "bus/embedded/log.hpp"

#include <algorithm>
#include <boost/container/small_vector.hpp>

#include "base/hash.hpp"
#include "bus/embedded/state.hpp"

namespace stepcast::bus {
namespace {

constexpr std::size_t record_cost = 128;  // bookkeeping of one record, so that empty ones are bounded too
constexpr std::string_view dead_letter_suffix = ".dlq";

std::size_t cost(const auto& record) {
    return record.key.size() + record.value.size() + event::text_size(record.headers) +
           record.headers.size() * sizeof(event::Header) + (record.draft ? record.draft->memory() : 0) +
           record_cost;
}

}  // namespace

EmbeddedLog::EmbeddedLog(EmbeddedOptions options, const Clock& clock)
    : options_{options}, clock_{clock}, waiters_{std::make_shared<Waiters>(options.produce_timeout)} {}
EmbeddedLog::~EmbeddedLog() = default;

EmbeddedLog::Topic& EmbeddedLog::topic(std::string_view name, std::int32_t partitions) {
    if (last_topic_ != nullptr && last_topic_->name == name) return *last_topic_;
    if (const auto found = topics_.find(name); found != topics_.end())
        return *(last_topic_ = found->second.get());
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

result<void> EmbeddedLog::admit(std::span<const Message> messages) {
    struct Need {
        Topic* topic;
        std::size_t records;
        std::size_t bytes;
    };
    const std::lock_guard lock{mutex_};
    if (closed_) return fail(errc::closed);
    boost::container::small_vector<Need, 2> needs;
    for (const auto& message : messages) {
        if (needs.empty() || needs.back().topic->name != message.topic) {
            Topic& t = topic(message.topic);
            const auto known = std::ranges::find(needs, &t, &Need::topic);
            if (known == needs.end())
                needs.push_back({&t, 0, 0});
            else
                std::swap(*known, needs.back());
        }
        ++needs.back().records;
        needs.back().bytes += cost(message);
    }
    for (const auto& need : needs) {
        const bool fits = need.records <= options_.max_records && need.bytes <= options_.max_bytes;
        if (fits && has_room(*need.topic, need.records, need.bytes)) continue;
        refused_ += messages.size();
        return fail(fits ? errc::busy : errc::too_large, need.topic->name);
    }
    for (const auto& need : needs) {
        need.topic->records += need.records;
        need.topic->bytes += need.bytes;
    }
    return {};
}

bool EmbeddedLog::append(std::span<Message> messages, Call& call) {
    const std::lock_guard lock{mutex_};
    if (closed_) return false;
    const auto now = clock_.now();
    for (auto& message : messages)
        call.places.push_back(append_one(topic(message.topic), message, call, now));
    produced_ += messages.size();
    // With the log locked, so that nobody can be handed a record whose promise is not known whole.
    if (call.places.size() == call.messages) call.promise->answer();
    return true;
}

Place EmbeddedLog::append_one(Topic& topic, Message& message, const Call& call, Timestamp now) {
    const auto choice = message.key.empty() ? topic.next_keyless++ : stable_hash(message.key);
    const auto index = choice % topic.partitions.size();
    Partition& partition = topic.partitions[index];
    const Place place{static_cast<std::int32_t>(index), partition.head()};
    auto& slot = partition.slots.emplace_back();
    slot.entry =
        std::make_shared<const Entry>(Entry{std::move(message.key), std::move(message.value),
                                            std::move(message.headers), std::move(message.draft), now});
    for (const auto& group : topic.groups) {
        Share& share = group->shares[index];
        if (group->name.empty()) {
            share.flags.push_back(0);
        } else {
            share.flags.push_back(Share::promised);
            slot.promise = call.promise;
            ++slot.unsettled;
        }
        if (share.owner != nullptr) share.owner->wake_if_idle();
    }
    slot.alone = call.messages == 1;
    if (slot.unsettled != 0) call.promise->expect(slot.unsettled);
    if (topic.groups.empty()) make_room(topic);
    return place;
}

/// Only a dead-letter topic without readers can be beyond its bound here.
void EmbeddedLog::make_room(Topic& topic) {
    while (topic.records > options_.max_records || topic.bytes > options_.max_bytes) {
        const auto longest = std::ranges::max_element(
            topic.partitions, {}, [](const Partition& partition) { return partition.slots.size(); });
        if (longest->slots.empty()) return;  // all of it is room that is kept
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
                for (; slot.unsettled > 0; --slot.unsettled) slot.promise->refuse(Error{errc::closed});
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
