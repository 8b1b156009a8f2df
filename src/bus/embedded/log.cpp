#include "bus/embedded/log.hpp"

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <cassert>

namespace stepcast::bus {

using embedded::Group;
using embedded::Topic;

EmbeddedLog::EmbeddedLog(EmbeddedOptions options, const Clock& clock)
    : options_{options}, clock_{clock}, waiters_{std::make_shared<Waiters>(options.produce_timeout)} {}

Topic& EmbeddedLog::topic(std::string_view name, std::int32_t partitions) {
    if (last_topic_ != nullptr && last_topic_->name() == name) return *last_topic_;
    if (const auto found = topics_.find(name); found != topics_.end())
        return *(last_topic_ = found->second.get());
    auto made = std::make_unique<Topic>(std::string{name}, partitions > 0 ? partitions : options_.partitions,
                                        options_);
    return *topics_.emplace(name, std::move(made)).first->second;
}

void EmbeddedLog::ensure_topic(const TopicSpec& spec) {
    const std::lock_guard lock{mutex_};
    topic(spec.name, spec.partitions);
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
        if (needs.empty() || needs.back().topic->name() != message.topic) {
            Topic& t = topic(message.topic);
            const auto known = std::ranges::find(needs, &t, &Need::topic);
            if (known == needs.end())
                needs.push_back({&t, 0, 0});
            else
                std::swap(*known, needs.back());
        }
        ++needs.back().records;
        needs.back().bytes += embedded::cost(message);
    }
    for (const auto& need : needs) {
        const bool fits = need.records <= options_.max_records && need.bytes <= options_.max_bytes;
        if (fits && need.topic->has_room(need.records, need.bytes)) continue;
        refused_ += messages.size();
        return fail(fits ? errc::busy : errc::too_large, need.topic->name());
    }
    for (const auto& need : needs) need.topic->keep_room(need.records, need.bytes);
    return {};
}

bool EmbeddedLog::append(std::span<Message> messages, Call& call) {
    const std::lock_guard lock{mutex_};
    if (closed_) return false;
    const auto now = clock_.now();
    for (auto& message : messages)
        call.places.push_back(topic(message.topic).append(message, call.promise, call.messages == 1, now));
    produced_ += messages.size();
    // With the log locked, so that nobody can be handed a record whose promise is not known whole.
    if (call.places.size() == call.messages) call.promise->answer();
    return true;
}

std::shared_ptr<EmbeddedLog::Member> EmbeddedLog::join(const GroupSubscription& subscription,
                                                       std::function<void()> wake) {
    assert(!subscription.group.empty());
    const std::lock_guard lock{mutex_};
    Topic& t = topic(subscription.topic);
    Group* const known = t.find_group(subscription.group);
    ++rebalances_;
    return (known != nullptr ? *known : t.add_group(subscription.group)).enter(std::move(wake));
}

std::shared_ptr<EmbeddedLog::Member> EmbeddedLog::join(const ReplaySubscription& subscription,
                                                       std::function<void()> wake) {
    const std::lock_guard lock{mutex_};
    Topic& t = topic(subscription.topic);
    Group& alone = t.add_group({});
    for (std::size_t i = 0; i < t.partitions().size(); ++i)
        alone.begin_at(i, beginning(subscription, i, t.partitions()[i]));
    ++rebalances_;
    auto member = alone.enter(std::move(wake));
    member->since = subscription.since;
    return member;
}

/// Where a reader alone begins a partition.
std::int64_t EmbeddedLog::beginning(const ReplaySubscription& subscription, std::size_t index,
                                    const embedded::Partition& partition) {
    const auto from = subscription.from.find(static_cast<std::int32_t>(index));
    if (from == subscription.from.end() || from->second > partition.head()) return partition.base;
    if (from->second < partition.base) missed_ += static_cast<std::uint64_t>(partition.base - from->second);
    return std::max(from->second, partition.base);
}

void EmbeddedLog::leave(const std::shared_ptr<Member>& member) {
    const std::lock_guard lock{mutex_};
    Group& group = *member->group;
    group.leave(*member);
    if (group.alone())
        group.topic().remove_group(group);
    else
        ++rebalances_;
}

std::vector<embedded::Taken> EmbeddedLog::take(Member& member, std::size_t limit) {
    const std::lock_guard lock{mutex_};
    if (closed_ || member.group == nullptr) return {};
    return member.group->take(member, limit);
}

void EmbeddedLog::settle(Member& member, Place place) {
    std::shared_ptr<Promise> settled;  // answered without the lock: it wakes somebody
    {
        const std::lock_guard lock{mutex_};
        if (member.group != nullptr) settled = member.group->settle(member, place);
    }
    if (settled) settled->answer();
}

void EmbeddedLog::done(Member& member, Place place) {
    std::shared_ptr<Promise> settled;
    {
        const std::lock_guard lock{mutex_};
        if (member.group != nullptr) settled = member.group->done(member, place);
    }
    if (settled) settled->answer();
}

bool EmbeddedLog::refuse(Member& member, Place place, const Error& why) {
    const std::lock_guard lock{mutex_};
    return member.group != nullptr && member.group->refuse(member, place, why);
}

std::size_t EmbeddedLog::in_flight(const Member& member) const {
    const std::lock_guard lock{mutex_};
    return member.group == nullptr ? 0 : member.group->in_flight(member);
}

embedded::Standing EmbeddedLog::standing(const Member& member) const {
    const std::lock_guard lock{mutex_};
    return member.group == nullptr ? embedded::Standing{} : member.group->standing(member);
}

void EmbeddedLog::close() {
    const std::lock_guard lock{mutex_};
    closed_ = true;
    for (const auto& [name, topic] : topics_) topic->refuse_all(Error{errc::closed});
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
    for (const auto& [name, topic] : topics_) {
        stats.missed += topic->missed();
        for (const auto& group : topic->groups())
            for (std::size_t i = 0; i < topic->partitions().size(); ++i)
                stats.partitions.push_back({name, std::string{group->name()}, static_cast<std::int32_t>(i),
                                            topic->partitions()[i].head(), group->edge(i)});
    }
    return stats;
}

}  // namespace stepcast::bus
