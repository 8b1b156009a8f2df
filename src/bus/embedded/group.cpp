#include "bus/embedded/group.hpp"

#include <algorithm>

namespace stepcast::bus::embedded {
namespace {

// The entry's own, unless others read the topic too or it was given to a store before.
event::Draft own_draft(const Entry& entry, bool shared) {
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

Group::Group(std::string name, Topic& topic)
    : name_{std::move(name)}, topic_{topic}, shares_(topic.partitions().size()) {
    for (std::size_t i = 0; i < shares_.size(); ++i) begin_at(i, topic.partitions()[i].base);
}

void Group::begin_at(std::size_t partition, std::int64_t offset) {
    Share& share = shares_[partition];
    share.edge = share.next = offset;
    share.flags.assign(static_cast<std::size_t>(topic_.partitions()[partition].head() - offset), 0);
}

std::uint64_t Group::pass_over(std::size_t partition, std::int64_t offset) {
    Share& share = shares_[partition];
    if (share.edge >= offset) return 0;
    const auto gone = offset - share.edge;
    share.flags.erase(share.flags.begin(), share.flags.begin() + gone);
    share.edge = share.next = offset;
    return static_cast<std::uint64_t>(gone);
}

std::shared_ptr<Member> Group::enter(std::function<void()> wake) {
    auto member = std::make_shared<Member>();
    member->group = this;
    member->wake = std::move(wake);
    for (std::size_t i = 0; i < shares_.size(); ++i) {
        member->first.push_back(shares_[i].next);
        member->target.push_back(topic_.partitions()[i].head());
    }
    members_.push_back(member.get());
    rebalance();
    return member;
}

void Group::leave(Member& member) {
    member.group = nullptr;
    std::erase(members_, &member);
    for (auto& share : shares_) {
        if (share.next_owner == &member) share.next_owner = nullptr;
        if (share.owner != &member) continue;
        share.owner = nullptr;
        share.next = share.edge;
        share.in_flight = 0;
        for (auto& flags : share.flags) flags &= static_cast<std::uint8_t>(~finished);
    }
    rebalance();
}

void Group::rebalance() {
    for (std::size_t i = 0; i < shares_.size(); ++i) {
        Share& share = shares_[i];
        Member* const target = members_.empty() ? nullptr : members_[i % members_.size()];
        share.next_owner = nullptr;
        if (share.in_flight > 0 && share.owner != target) {
            share.next_owner = target;
            continue;
        }
        share.owner = target;
        if (target != nullptr) target->wake_if_idle();
    }
}

std::vector<Taken> Group::take(Member& member, std::size_t limit) {
    std::vector<Taken> taken;
    const std::size_t n = shares_.size();
    for (std::size_t k = 0; k < n && taken.size() < limit; ++k)
        hand_out(member, (member.turn + k) % n, limit, taken);
    member.turn = (member.turn + 1) % n;
    member.idle = taken.empty();
    return taken;
}

void Group::hand_out(Member& member, std::size_t index, std::size_t limit, std::vector<Taken>& taken) {
    Share& share = shares_[index];
    if (share.owner != &member || share.next_owner != nullptr) return;
    // Another group's record is its own although somebody looks on: who reads alone has a copy.
    const bool shared = alone() || topic_.members() > 1;
    Partition& partition = topic_.partitions()[index];
    for (; share.next < partition.head() && taken.size() < limit; ++share.next) {
        const auto& entry = partition.at(share.next).entry;
        if (member.since && entry->timestamp < *member.since) continue;
        taken.push_back({{static_cast<std::int32_t>(index), share.next}, entry, own_draft(*entry, shared)});
        if (!alone()) ++share.in_flight;
    }
    if (!alone()) return;
    share.flags.erase(share.flags.begin(), share.flags.begin() + (share.next - share.edge));
    share.edge = share.next;  // nobody will say what is done
    topic_.trim(index);
}

Partition& Group::partition_of(Place place) const {
    return topic_.partitions()[static_cast<std::size_t>(place.partition)];
}

// Null unless the record is one that the member has in hand.
Group::Share* Group::handed_out(Member& member, Place place) {
    if (alone() || place.partition < 0 || static_cast<std::size_t>(place.partition) >= shares_.size())
        return nullptr;
    Share& share = shares_[static_cast<std::size_t>(place.partition)];
    const bool known = share.owner == &member && place.offset >= share.edge && place.offset < share.next;
    return known ? &share : nullptr;
}

std::shared_ptr<Promise> Group::settle(Member& member, Place place) {
    Share* const share = handed_out(member, place);
    return share == nullptr ? nullptr : settle_in(*share, place);
}

std::shared_ptr<Promise> Group::settle_in(Share& share, Place place) {
    auto& flags = share.flags_of(place.offset);
    if ((flags & settled) != 0) return nullptr;
    flags |= settled;
    if ((flags & promised) == 0) return nullptr;
    Slot& slot = partition_of(place).at(place.offset);
    if (slot.unsettled == 0) return nullptr;  // refused already
    return --slot.unsettled == 0 ? std::move(slot.promise) : slot.promise;
}

std::shared_ptr<Promise> Group::done(Member& member, Place place) {
    Share* const share = handed_out(member, place);
    return share == nullptr ? nullptr : done_in(*share, place);
}

std::shared_ptr<Promise> Group::done_in(Share& share, Place place) {
    auto answered = settle_in(share, place);
    auto& flags = share.flags_of(place.offset);
    if ((flags & finished) != 0) return answered;
    flags |= finished;
    --share.in_flight;
    const auto edge = share.edge;
    while (!share.flags.empty() && (share.flags.front() & finished) != 0) {
        share.flags.pop_front();
        ++share.edge;
    }
    if (share.edge != edge) topic_.trim(static_cast<std::size_t>(place.partition));
    if (share.in_flight == 0 && share.next_owner != nullptr) {
        share.owner = std::exchange(share.next_owner, nullptr);
        share.owner->wake_if_idle();
    }
    return answered;
}

bool Group::refuse(Member& member, Place place, const Error& why) {
    Share* const share = handed_out(member, place);
    if (share == nullptr) return false;
    auto& flags = share->flags_of(place.offset);
    if ((flags & (promised | settled)) != promised) return false;
    Slot& slot = partition_of(place).at(place.offset);
    if (!slot.alone || slot.unsettled != 1 || !slot.promise->refuse_last(why)) return false;
    flags |= settled;
    slot.unsettled = 0;
    slot.promise.reset();
    done_in(*share, place);
    return true;
}

std::size_t Group::in_flight(const Member& member) const {
    std::size_t n = 0;
    for (const auto& share : shares_)
        if (share.owner == &member) n += share.in_flight;
    return n;
}

Standing Group::standing(const Member& member) const {
    Standing standing;
    for (std::size_t i = 0; i < shares_.size(); ++i) {
        const Share& share = shares_[i];
        if (share.owner != &member) continue;
        standing.at_start += member.target[i] - member.first[i];
        standing.of_start += std::min(share.next, member.target[i]) - member.first[i];
        standing.lag += topic_.partitions()[i].head() - share.next;
    }
    return standing;
}

}  // namespace stepcast::bus::embedded
