#include <algorithm>
#include <asio/this_coro.hpp>
#include <utility>

#include "aio/turn.hpp"
#include "store/memory/memory_store.hpp"

namespace stepcast::store {

using event::Event;
using Life = MemoryStream::Life;

namespace {

constexpr auto cleanup_slice = std::chrono::microseconds{700};
constexpr std::size_t drain_step = 64;
constexpr std::size_t announced_at_once = 1024;
constexpr std::size_t marks_at_once = 64;

}  // namespace

void MemoryStore::HintFeed::read_through(Position position) {
    passed = std::max(passed, position);
    if (std::exchange(read, position) == position) return;
    for (auto& notice : waiting) notice.notify();
}

// Frees what `bytes_needed` lacks, until the turn ends. Streams of the commit at hand stay.
bool MemoryStore::make_room(std::uint64_t bytes_needed) {
    room_ = Room::none;
    const auto fits = [&] { return limits_.max_bytes == 0 || bytes() + bytes_needed <= limits_.max_bytes; };
    if (fits()) return true;
    if (bytes_needed > limits_.max_bytes) return false;
    made_room_ = true;
    const auto pin = [this](bool pinned) {
        for (const auto& plan : plan_)
            if (plan.stream != nullptr) plan.stream->pinned = pinned;
    };
    pin(true);
    do {
        room_ = free_some(now_);
    } while (room_ == Room::more && !fits() && std::chrono::steady_clock::now() < turn_end_);
    pin(false);
    return fits();
}

MemoryStore::Room MemoryStore::free_some(Timestamp now) {
    if (removing()) {
        drain(drain_step);
        return Room::more;
    }
    const auto [stream, waits, moved] = retention_.oldest(Life::finished, feed_.read);
    if (stream != nullptr) expire(*stream, now);
    if (stream != nullptr || moved) return Room::more;
    return waits ? Room::unread : Room::none;
}

// Gives others their turn, or waits for the feed's reader. False if nothing more expires in time.
awaitable<bool> MemoryStore::more_room(Deadline patience) {
    if (room_ == Room::unread) co_return co_await wait_read(patience);
    co_await aio::next_turn();
    co_return true;
}

awaitable<bool> MemoryStore::wait_read(Deadline deadline) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= left.zero()) co_return false;
    auto& waiting = feed_.waiting;
    const auto notice = waiting.emplace(waiting.end(), co_await asio::this_coro::executor);
    const bool moved = co_await notice->wait(left);
    waiting.erase(notice);
    co_return moved;
}

// One turn takes the stream out of every read and remembers what it was; its events are removed from the
// indexes in small steps.
void MemoryStore::expire(MemoryStream& stream, Timestamp now) {
    const Position through = stream.last_position;
    lose(stream, through, now);
    if (log_ != nullptr && stream.snapshot != nullptr)
        log_->snapshot_gone(*stream.category, stream.id, stream.snapshot->state.size());
    expired_.push_back({stream.category, stream.id,
                        stream.subject == nullptr ? std::string{} : stream.subject->name, through});

    if (cut_) cut_->insert(stream.hash);
    retention_.remove(stream);
    if (lets_go(*stream.category))
        std::erase_if(leaving_, [&](const Leaving& leaving) { return leaving.stream == &stream; });
    for (auto& removal : removals_)
        if (removal.stream == &stream) removal.stream = nullptr;
    bytes_of(*stream.category) -= stream.bytes;
    kept_snapshots_.drop_below(stream, UINT64_MAX);
    auto& of_category = stats_of(*stream.category);
    of_category.events -= stream.events.size();
    of_category.expired += stream.events.size();
    --of_category.streams;
    beside_ -= beside_ / streams_.size();  // what is folded from it goes, too; `hold` will say how much
    const auto gone = streams_.take(stream);
    // The stream's share in its subject passes over, so that the subject stays as long as this is to be done.
    remove_later({.category = gone->category,
                  .stream_id = std::move(gone->id),
                  .through = through,
                  .at = now,
                  .mixed = gone->mixed,
                  .holds_subject = gone->subject != nullptr,
                  .subject = gone->subject,
                  .events = std::move(gone->events)});
}

// A few events are removed at once.
void MemoryStore::remove_later(Removal removal) {
    removal.left = removal.events.size();
    removals_.push_back(std::move(removal));
    if (removals_.size() == 1 && removals_.front().left <= drain_step) drain(drain_step);
}

// Losses take a bounded share of the room for events. A history that is being restored keeps all of its
// losses until its hidden events are known.
bool MemoryStore::beyond_tombstones() const {
    const auto most = limits_.max_tombstone_bytes != 0 ? limits_.max_tombstone_bytes : limits_.max_bytes / 16;
    return most != 0 && !cut_ && tombstones_.memory() > most;
}

void MemoryStore::forget_oldest_loss() {
    const auto number = tombstones_.forget_oldest();
    if (log_ != nullptr) log_->forgot(number, tombstones_.floor());
}

void MemoryStore::lose(const Lost& lost, Position through, Timestamp at) {
    const auto number = tombstones_.raise(lost.hash, through, at);
    if (log_ != nullptr)
        log_->lost({&lost.category, lost.of_subject, std::string{lost.name}, through, at, number});
}

// What the stream holds up to `through` can no more be read: remembers it for the stream and for whom it was
// about. Of a mixed stream the subjects follow as their events are removed.
void MemoryStore::lose(const MemoryStream& stream, Position through, Timestamp at) {
    lose({*stream.category, false, stream.id, stream.hash}, through, at);
    if (!stream.mixed && stream.subject != nullptr)
        lose({*stream.category, true, stream.subject->name, stream.subject->hash}, through, at);
}

// Takes up to `count` events that no read shows out of the indexes, then forgets losses beyond their bound: a
// loss is never forgotten before all that it hides is removed. True while there is more to do.
bool MemoryStore::drain(std::size_t count) {
    while (!removals_.empty()) {
        auto& removal = removals_.front();
        for (; removal.left != 0 && count != 0; --removal.left, --count) remove_last(removal);
        if (removal.left != 0) return true;
        MemorySubject* held = removal.holds_subject ? removal.subject : nullptr;
        removals_.pop_front();
        if (held == nullptr) continue;
        --held->streams;
        drop_if_idle(*held);
    }
    for (; count != 0 && beyond_tombstones(); --count) forget_oldest_loss();
    return beyond_tombstones();
}

// The newest first, so that the first event about somebody says what they have lost.
void MemoryStore::remove_last(Removal& removal) {
    const EventSlot slot = std::move(removal.events[removal.left - 1]);
    const Event* event = slot.event();
    const auto position = slot.position();
    all_.remove(position);
    if (removal.stream != nullptr) {
        removal.stream->bytes -= cost(slot);
        bytes_of(*removal.category) -= cost(slot);
    }
    // What is away is about whom its stream began with.
    const auto name = event != nullptr             ? event->subject()
                      : removal.subject != nullptr ? std::string_view{removal.subject->name}
                                                   : std::string_view{};
    if (!name.empty()) {
        const bool first = removal.subject != nullptr && removal.subject->name == name;
        const auto hash = first ? removal.subject->hash : subject_hash(*removal.category, name);
        if (removal.mixed && tombstones_.through(hash) < position)
            lose({*removal.category, true, name, hash}, position, removal.at);
        if (auto* subject = first ? removal.subject : subjects_.find(hash, {*removal.category, name})) {
            subject->positions.remove(position, all_);
            drop_if_idle(*subject);
        }
    }
    if (log_ == nullptr) return;
    if (event != nullptr)
        log_->removed(*event);
    else
        log_->removed_away(*removal.category, position);
}

void MemoryStore::drop_if_idle(MemorySubject& subject) {
    if (!subject.idle()) return;
    bytes_of(*subject.category) -= bytes_per_subject;
    subjects_.take(subject).reset();
}

awaitable<result<EventStore::Expired>> MemoryStore::cleanup(Timestamp now) {
    const auto deadline = std::chrono::steady_clock::now() + cleanup_slice;
    Expired told;
    bool more = true;
    while (more && expired_.size() < announced_at_once && std::chrono::steady_clock::now() < deadline)
        more = cleanup_step(now);
    const auto count = std::min(expired_.size(), announced_at_once);
    const auto end = expired_.begin() + static_cast<std::ptrdiff_t>(count);
    told.streams.assign(std::make_move_iterator(expired_.begin()), std::make_move_iterator(end));
    expired_.erase(expired_.begin(), end);
    told.done = !more && expired_.empty();
    if (told.done) told.oversized = still_oversized();
    co_return told;
}

// Its owner may have been asked before it had taken in the last events, and is asked until it has trimmed
// them.
std::vector<Oversized> MemoryStore::still_oversized() {
    std::erase_if(oversized_, [this](const Oversized& stream) {
        auto* found = find(*stream.category, stream.stream_id);
        if (found == nullptr) return true;
        found->asked = found->events.size() > limits_.max_events_per_stream;
        return !found->asked;
    });
    return oversized_;
}

// One small thing that is due. False if nothing is.
bool MemoryStore::cleanup_step(Timestamp now) {
    if (removing()) {
        drain(drain_step);
        return true;
    }
    if (inbox_.forget(now, marks_at_once)) {
        if (log_ != nullptr) log_->forgot_marks(now);
        return true;
    }
    if (forget_sent(now - limits_.sent_keep, marks_at_once)) return true;
    bool moved = false;
    MemoryStream* stream = retention_.due(Life::finished, now - limits_.ttl, moved);
    if (stream == nullptr) stream = retention_.due(Life::running, now - limits_.running_ttl, moved);
    if (stream != nullptr) {
        expire(*stream, now);
        return true;
    }
    if (moved) return true;
    // A sixteenth is kept free, so that a commit seldom has to make its own room.
    if (limits_.max_bytes != 0 && bytes() > limits_.max_bytes - limits_.max_bytes / 16 &&
        free_some(now) == Room::more)
        return true;
    if (tombstones_.empty() || tombstones_.oldest() > now - limits_.tombstone_ttl) return false;
    forget_oldest_loss();
    return true;
}

awaitable<result<void>> MemoryStore::save_snapshot(const Category& category, std::string_view stream_id,
                                                   Snapshot snapshot, bool trim) {
    // What is still to be removed goes first, in turns: a trim has events of its own to remove.
    while (trim && drain(turn_step)) co_await aio::next_turn();
    auto* stream = find(category, stream_id);
    if (stream == nullptr || snapshot.version > stream->version)
        co_return fail(errc::wrong_expected_version, "version",
                       "the stream has not come to the snapshot's version");
    keep_snapshot(*stream, std::move(snapshot), trim);
    co_return result<void>{};
}

void MemoryStore::keep_snapshot(MemoryStream& stream, Snapshot snapshot, bool trim) {
    if (stream.snapshot != nullptr && snapshot.version < stream.snapshot->version) return;
    const auto version = snapshot.version;
    const auto last = stream.snapshot == nullptr ? 0 : stream.snapshot->version;
    const auto replaced =
        stream.snapshot == nullptr ? std::nullopt : std::optional{stream.snapshot->state.size()};
    const std::uint64_t before = replaced.value_or(0);
    stream.bytes += snapshot.state.size() - before;
    bytes_of(*stream.category) += snapshot.state.size() - before;
    stream.snapshot = std::make_unique<Snapshot>(std::move(snapshot));
    if (trim && version >= stream.first_version()) trim_through(stream, version);
    if (log_ != nullptr) log_->snapshot_saved(*stream.category, head_of(stream), *stream.snapshot, replaced);
    const auto every = limits_.snapshot_stays_every;
    if (!trim && !stream.category->expires && every != 0 && last / every != version / every) let_stay(stream);
    let_go_behind(stream, version);
}

// The newest snapshot of a stream outlives those that follow it.
void MemoryStore::let_stay(MemoryStream& stream) {
    const auto& snapshot = *stream.snapshot;
    if (log_ != nullptr) {
        const auto position = stream.events[snapshot.version - stream.first_version()].position();
        return log_->snapshot_kept({stream.category, stream.id, position, snapshot});
    }
    kept_snapshots_.add(stream, snapshot);
    stream.bytes += KeptSnapshots::cost(snapshot);
    bytes_of(*stream.category) += KeptSnapshots::cost(snapshot);
}

// Like an expiry, but for the log nothing of it is left for later: whoever calls removes it all.
void MemoryStore::erase(const Erase& erase) {
    if (auto* stream = find(*erase.category, erase.stream_id)) expire(*stream, now_);
}

awaitable<void> MemoryStore::remove_erased() {
    while (drain(turn_step)) co_await aio::next_turn();
    if (log_ != nullptr) log_->erased();
}

void MemoryStore::trim_through(MemoryStream& stream, Version version) {
    const auto count = static_cast<std::size_t>(version - stream.first_version() + 1);
    const Position through = stream.events[count - 1].position();
    const Timestamp now = clock_.now();
    auto events = stream.events.take_front(count);
    stream.ids.drop_below(stream.first_version(), stream.events);
    const auto kept = kept_snapshots_.drop_below(stream, stream.first_version());
    stream.bytes -= kept;
    bytes_of(*stream.category) -= kept;
    lose(stream, through, now);
    stats_of(*stream.category).events -= count;
    remove_later({.category = stream.category,
                  .stream_id = stream.id,
                  .through = through,
                  .at = now,
                  .mixed = stream.mixed,
                  .subject = stream.subject,
                  .stream = &stream,
                  .events = std::move(events)});
}

}  // namespace stepcast::store
