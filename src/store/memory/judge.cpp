// What a memory store decides about a commit before anything of it is written.
#include <boost/unordered/unordered_flat_map.hpp>
#include <cassert>

#include "base/hash.hpp"
#include "store/memory/memory_store.hpp"

namespace stepcast::store {

using event::Event;

namespace {

bool belief_holds(const Expected& expected, Version version) {
    switch (expected.kind) {
        case Expected::Kind::any:
            return true;
        case Expected::Kind::no_stream:
            return version == 0;
        case Expected::Kind::stream_exists:
            return version != 0;
        case Expected::Kind::exact:
            return version == expected.version;
    }
    return false;
}

}  // namespace

// Decides about every append before anything is written, and makes room for what is new.
std::optional<Refusal> MemoryStore::judge(const Commit& commit, Call& call) {
    plan_.clear();
    std::size_t events = 0;
    for (const auto& append : commit.appends) {
        if (append.events.empty()) continue;
        events += append.events.size();
        const Event& first = *append.events.front();
        Plan plan{&append, nullptr, stream_hash(first.category(), first.stream_id()), false};
        if (auto refusal =
                judge(append, planned_for(first.category(), first.stream_id()), plan, call.recalled))
            return refusal;
        if (!plan.known && call.breaks(append))
            return Refusal{errc::wrong_expected_version, append.expected.version, 0,
                           "what it was decided on was not written"};
        plan_.push_back(plan);
    }
    if (events > 1)
        if (auto refusal = refuse_repeats()) return refusal;
    if (!repeats())
        if (auto refusal = judge_snapshots(commit)) return refusal;
    return judge_room(commit, call);
}

// All that the commit appends is known.
bool MemoryStore::repeats() const {
    return !plan_.empty() && std::ranges::all_of(plan_, &Plan::known);
}

std::optional<Refusal> MemoryStore::judge_room(const Commit& commit, const Call& call) {
    std::uint64_t need = cost_besides_events(commit), permanent = 0;
    for (const auto& timer : commit.timers) need -= std::min(need, timers_.held_by(timer.id));
    for (const auto& id : commit.fired) need -= std::min(need, timers_.held_by(id));
    for (const auto& saved : commit.snapshots)
        (saved.category->expires ? need : permanent) += saved.snapshot.state.size();
    for (const auto& plan : plan_) {
        if (plan.known) continue;
        auto& of = plan.append->events.front()->category().expires ? need : permanent;
        if (plan.stream == nullptr) of += bytes_per_stream;
        for (const auto& draft : plan.append->events) of += cost(*draft);
    }
    // What leaves soon makes room for what never expires.
    room_ = permanent != 0 && !leaving_.empty() ? Room::unread : Room::none;
    permanent_refused_ =
        permanent != 0 &&
        (call.permanent_full ||
         (limits_.permanent_max_bytes != 0 && permanent_bytes_ + permanent > limits_.permanent_max_bytes));
    if (permanent_refused_)
        return Refusal{errc::full, 0, 0,
                       "store.permanent_max_bytes is reached, and what it bounds never expires"};
    // An offset that moved past a refused commit would make its retry succeed with no effect.
    if ((call.full && need != 0) || ((call.full || call.permanent_full) && commit.source) ||
        (need != 0 && !make_room(need)))
        return Refusal{errc::full, 0, 0, "the store is at its bound and nothing finished is left to expire"};
    return std::nullopt;
}

// How many events earlier appends of the commit at hand will add to the stream.
Version MemoryStore::planned_for(const Category& category, std::string_view stream_id) const {
    Version count = 0;
    for (const auto& plan : plan_) {
        const Event& first = *plan.append->events.front();
        if (!plan.known && &first.category() == &category && first.stream_id() == stream_id)
            count += plan.append->events.size();
    }
    return count;
}

std::optional<Refusal> MemoryStore::judge_snapshots(const Commit& commit) const {
    for (const auto& [category, stream_id, snapshot] : commit.snapshots) {
        const auto* stream = find(*category, stream_id);
        const Version version = (stream == nullptr ? 0 : stream->version) + planned_for(*category, stream_id);
        if (snapshot.version == 0 || snapshot.version > version)
            return Refusal{errc::wrong_expected_version, snapshot.version, version,
                           "the stream has not come to the snapshot's version"};
    }
    return std::nullopt;
}

// Where `recalled` misses something the answer counts for nothing.
std::optional<Refusal> MemoryStore::judge(const Append& append, Version planned, Plan& plan,
                                          Recalled& recalled) const {
    const Event& first = *append.events.front();
    plan.stream = streams_.find(plan.hash, {first.category(), first.stream_id()});
    std::size_t known = 0;
    if (plan.stream != nullptr) {
        const auto& stream = *plan.stream;
        for (const auto& draft : append.events) {
            const auto at = index_of(stream, draft->id(), recalled);
            if (!at) continue;
            if (event_of(stream.events[*at], recalled)->fingerprint() != draft->fingerprint())
                return Refusal{errc::idempotency_conflict, 0, 0, std::string{draft->id()}};
            ++known;
            plan.version = stream.first_version() + *at;
            plan.position = stream.events[*at].position();
        }
        if (!recalled.missing.empty()) return Refusal{errc::unavailable, 0, 0, {}};
    }
    plan.known = known == append.events.size();
    if (plan.known) return std::nullopt;
    if (known != 0) return Refusal{errc::partly_known, 0, 0, {}};
    const Version version = (plan.stream == nullptr ? 0 : plan.stream->version) + planned;
    if (belief_holds(append.expected, version)) return std::nullopt;
    return Refusal{errc::wrong_expected_version, append.expected.version, version, {}};
}

// A new id that a commit itself repeats cannot be written twice.
std::optional<Refusal> MemoryStore::refuse_repeats() const {
    boost::unordered_flat_map<std::uint64_t, const Event*> seen;
    for (const auto& plan : plan_) {
        if (plan.known) continue;
        for (const auto& draft : plan.append->events) {
            assert(draft->same_stream(*plan.append->events.front()));
            const auto hash =
                stream_hash(draft->category(), draft->stream_id()) * 31 + keyed_hash(draft->id());
            const auto [found, fresh] = seen.try_emplace(hash, draft.get());
            const Event& other = *found->second;
            if (fresh || !draft->same_stream(other) || draft->id() != other.id()) continue;
            const bool same = draft->fingerprint() == other.fingerprint();
            return Refusal{same ? errc::partly_known : errc::idempotency_conflict, 0, 0,
                           std::string{draft->id()}};
        }
    }
    return std::nullopt;
}

}  // namespace stepcast::store
