// The half of EmbeddedLog that knows members and what they were handed.
#include <algorithm>
#include <cassert>

#include "bus/embedded/state.hpp"

namespace stepcast::bus {
namespace {

// The entry's own, unless others read the topic too or it was given to a store before.
event::Draft own_draft(const EmbeddedLog::Entry& entry, bool shared) {
    if (!entry.draft || (!shared && entry.draft->position() == 0)) return entry.draft;
    const event::Event& first = *entry.draft;
    return event::Event::make({.category = &first.category(),
                               .type = first.type_index(),
                               .schema_version = first.schema_version(),
                               .lifecycle = first.lifecycle(),
                               .fingerprint = first.fingerprint(),
                               .stream_id = first.stream_id(),
                               .id = first.id(),
                               .subject = first.subject(),
                               .json = std::string{"{"}.append(first.body()),
                               .metadata = first.metadata()});
}

}  // namespace

std::shared_ptr<EmbeddedLog::Member> EmbeddedLog::join(const GroupSubscription& subscription,
                                                       std::function<void()> wake) {
    assert(!subscription.group.empty());
    const std::lock_guard lock{mutex_};
    Topic& t = topic(subscription.topic);
    const auto known = std::ranges::find(t.groups, subscription.group, [](const auto& g) { return g->name; });
    return enter(known != t.groups.end() ? **known : add_group(t, subscription.group), std::move(wake));
}

std::shared_ptr<EmbeddedLog::Member> EmbeddedLog::join(const ReplaySubscription& subscription,
                                                       std::function<void()> wake) {
    const std::lock_guard lock{mutex_};
    Topic& t = topic(subscription.topic);
    Group& alone = add_group(t, {});
    for (std::size_t i = 0; i < t.partitions.size(); ++i) {
        Share& share = alone.shares[i];
        share.edge = share.next = beginning(subscription, i, t.partitions[i]);
        share.flags.resize(static_cast<std::size_t>(t.partitions[i].head() - share.edge));
    }
    auto member = enter(alone, std::move(wake));
    member->since = subscription.since;
    return member;
}

/// One that begins with the oldest record of each partition.
EmbeddedLog::Group& EmbeddedLog::add_group(Topic& topic, std::string name) {
    auto group = std::make_unique<Group>();
    group->name = std::move(name);
    group->topic = &topic;
    group->shares.resize(topic.partitions.size());
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
        const Partition& partition = topic.partitions[i];
        group->shares[i].edge = group->shares[i].next = partition.base;
        group->shares[i].flags.resize(partition.slots.size());
    }
    return *topic.groups.emplace_back(std::move(group));
}

std::shared_ptr<EmbeddedLog::Member> EmbeddedLog::enter(Group& group, std::function<void()> wake) {
    auto member = std::make_shared<Member>();
    member->group = &group;
    member->wake = std::move(wake);
    for (std::size_t i = 0; i < group.shares.size(); ++i) {
        member->first.push_back(group.shares[i].next);
        member->target.push_back(group.topic->partitions[i].head());
    }
    group.members.push_back(member.get());
    rebalance(group);
    return member;
}

/// Where a reader alone begins a partition.
std::int64_t EmbeddedLog::beginning(const ReplaySubscription& subscription, std::size_t index,
                                    const Partition& partition) {
    const auto from = subscription.from.find(static_cast<std::int32_t>(index));
    if (from == subscription.from.end() || from->second > partition.head()) return partition.base;
    if (from->second < partition.base) missed_ += static_cast<std::uint64_t>(partition.base - from->second);
    return std::max(from->second, partition.base);
}

void EmbeddedLog::leave(const std::shared_ptr<Member>& member) {
    const std::lock_guard lock{mutex_};
    Group& group = *std::exchange(member->group, nullptr);
    std::erase(group.members, member.get());
    for (auto& share : group.shares) {
        if (share.next_owner == member.get()) share.next_owner = nullptr;
        if (share.owner != member.get()) continue;
        share.owner = nullptr;
        share.next = share.edge;
        share.in_flight = 0;
        for (auto& flags : share.flags) flags &= static_cast<std::uint8_t>(~Share::done);
    }
    Topic& t = *group.topic;
    if (group.name.empty())
        std::erase_if(t.groups, [&](const auto& g) { return g.get() == &group; });
    else
        rebalance(group);
}

void EmbeddedLog::rebalance(Group& group) {
    ++rebalances_;
    for (std::size_t i = 0; i < group.shares.size(); ++i) {
        Share& share = group.shares[i];
        Member* const target = group.members.empty() ? nullptr : group.members[i % group.members.size()];
        share.next_owner = nullptr;
        if (share.in_flight > 0 && share.owner != target) {
            share.next_owner = target;
            continue;
        }
        share.owner = target;
        if (target != nullptr) target->wake_if_idle();
    }
}

std::vector<EmbeddedLog::Taken> EmbeddedLog::take(Member& member, std::size_t limit) {
    const std::lock_guard lock{mutex_};
    std::vector<Taken> taken;
    if (closed_ || member.group == nullptr) return taken;
    Group& group = *member.group;
    const bool shared = group.topic->groups.size() > 1;
    const std::size_t n = group.shares.size();
    for (std::size_t k = 0; k < n && taken.size() < limit; ++k) {
        const std::size_t i = (member.turn + k) % n;
        Share& share = group.shares[i];
        if (share.owner != &member || share.next_owner != nullptr) continue;
        Partition& partition = group.topic->partitions[i];
        for (; share.next < partition.head() && taken.size() < limit; ++share.next) {
            const auto& entry = partition.slots[static_cast<std::size_t>(share.next - partition.base)].entry;
            if (member.since && entry->timestamp < *member.since) continue;
            taken.push_back({{static_cast<std::int32_t>(i), share.next}, entry, own_draft(*entry, shared)});
            if (!group.name.empty()) ++share.in_flight;
        }
        if (group.name.empty()) {  // nobody will say what is done
            share.flags.erase(share.flags.begin(), share.flags.begin() + (share.next - share.edge));
            share.edge = share.next;
            trim(*group.topic, i);
        }
    }
    member.turn = (member.turn + 1) % n;
    member.idle = taken.empty();
    return taken;
}

EmbeddedLog::Share* EmbeddedLog::handed_out(Member& member, Place place) {
    if (member.group == nullptr || member.group->name.empty()) return nullptr;
    if (place.partition < 0 || static_cast<std::size_t>(place.partition) >= member.group->shares.size())
        return nullptr;
    Share& share = member.group->shares[static_cast<std::size_t>(place.partition)];
    const bool known = share.owner == &member && place.offset >= share.edge && place.offset < share.next;
    return known ? &share : nullptr;
}

std::shared_ptr<Promise> EmbeddedLog::settle_locked(Share& share, Partition& partition, std::int64_t offset) {
    auto& flags = share.flags[static_cast<std::size_t>(offset - share.edge)];
    if ((flags & Share::settled) != 0) return nullptr;
    flags |= Share::settled;
    if ((flags & Share::promised) == 0) return nullptr;
    Slot& slot = partition.slots[static_cast<std::size_t>(offset - partition.base)];
    if (slot.unsettled == 0) return nullptr;  // refused by close()
    return --slot.unsettled == 0 ? std::move(slot.promise) : slot.promise;
}

void EmbeddedLog::settle(Member& member, Place place) {
    std::shared_ptr<Promise> settled;
    {
        const std::lock_guard lock{mutex_};
        Share* const share = handed_out(member, place);
        if (share == nullptr) return;
        Topic& t = *member.group->topic;
        settled =
            settle_locked(*share, t.partitions[static_cast<std::size_t>(place.partition)], place.offset);
    }
    if (settled) settled->answer();
}

void EmbeddedLog::done(Member& member, Place place) {
    std::shared_ptr<Promise> settled;  // answered without the lock: it wakes somebody
    {
        const std::lock_guard lock{mutex_};
        if (Share* const share = handed_out(member, place)) settled = done_locked(member, *share, place);
    }
    if (settled) settled->answer();
}

std::shared_ptr<Promise> EmbeddedLog::done_locked(Member& member, Share& share, Place place) {
    const auto index = static_cast<std::size_t>(place.partition);
    Topic& t = *member.group->topic;
    auto settled = settle_locked(share, t.partitions[index], place.offset);
    auto& flags = share.flags[static_cast<std::size_t>(place.offset - share.edge)];
    if ((flags & Share::done) != 0) return settled;
    flags |= Share::done;
    --share.in_flight;
    const auto edge = share.edge;
    while (!share.flags.empty() && (share.flags.front() & Share::done) != 0) {
        share.flags.pop_front();
        ++share.edge;
    }
    if (share.edge != edge) trim(t, index);
    if (share.in_flight == 0 && share.next_owner != nullptr) {
        share.owner = std::exchange(share.next_owner, nullptr);
        share.owner->wake_if_idle();
    }
    return settled;
}

bool EmbeddedLog::refuse(Member& member, Place place, const Error& why) {
    const std::lock_guard lock{mutex_};
    Share* const share = handed_out(member, place);
    if (share == nullptr) return false;
    auto& flags = share->flags[static_cast<std::size_t>(place.offset - share->edge)];
    if ((flags & (Share::promised | Share::settled)) != Share::promised) return false;
    Partition& partition = member.group->topic->partitions[static_cast<std::size_t>(place.partition)];
    Slot& slot = partition.slots[static_cast<std::size_t>(place.offset - partition.base)];
    if (!slot.alone || slot.unsettled != 1 || !slot.promise->refuse_last(why)) return false;
    flags |= Share::settled;
    slot.unsettled = 0;
    slot.promise.reset();
    done_locked(member, *share, place);
    return true;
}

std::size_t EmbeddedLog::in_flight(const Member& member) const {
    const std::lock_guard lock{mutex_};
    std::size_t n = 0;
    if (member.group == nullptr) return n;
    for (const auto& share : member.group->shares)
        if (share.owner == &member) n += share.in_flight;
    return n;
}

EmbeddedLog::Standing EmbeddedLog::standing(const Member& member) const {
    const std::lock_guard lock{mutex_};
    Standing p;
    if (member.group == nullptr) return p;
    for (std::size_t i = 0; i < member.group->shares.size(); ++i) {
        const Share& share = member.group->shares[i];
        if (share.owner != &member) continue;
        p.at_start += member.target[i] - member.first[i];
        p.of_start += std::min(share.next, member.target[i]) - member.first[i];
        p.lag += member.group->topic->partitions[i].head() - share.next;
    }
    return p;
}

}  // namespace stepcast::bus
