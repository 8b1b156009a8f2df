#include <algorithm>
#include <asio/this_coro.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <utility>

#include "aio/turn.hpp"
#include "store/memory/memory_store.hpp"

namespace stepcast::store {

using event::Event;
using Life = MemoryStream::Life;

namespace {

constexpr auto cleanup_slice = std::chrono::microseconds{700};
constexpr std::size_t drain_step = 64;
constexpr std::size_t trim_step = 4096;
constexpr std::size_t told_at_once = 1024;
constexpr std::size_t marks_at_once = 64;

}  // namespace

void MemoryStore::HintFeed::read_through(Position position) {
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
    if (leaving_.through != 0) {
        drain(drain_step);
        return Room::more;
    }
    const auto [stream, waits, moved] = retention_.oldest(Life::finished, feed_.read);
    if (stream != nullptr) expire(*stream, now);
    if (stream != nullptr || moved) return Room::more;
    return waits ? Room::unread : Room::none;
}

// Others have their turn meanwhile. False if nothing more can be had in time.
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

// One turn takes the stream out of every read and remembers what it was; its events leave the indexes in
// small steps.
void MemoryStore::expire(MemoryStream& stream, Timestamp now) {
    const Position through = stream.last_position;
    lose(stream, stream.events, through, now);
    if (log_ != nullptr && stream.snapshot != nullptr) log_->snapshot_gone(*stream.category, stream.id);
    expired_.push_back({stream.category, stream.id,
                        stream.subject == nullptr ? std::string{} : stream.subject->name, through});

    if (cut_) cut_->insert(stream.hash);
    retention_.remove(stream);
    drain(SIZE_MAX);
    bytes_of(*stream.category) -= stream.bytes;
    auto& of_category = stats_of(*stream.category);
    of_category.events -= stream.events.size();
    of_category.expired += stream.events.size();
    --of_category.streams;
    leaving_ = {stream.category, std::move(stream.id), through, std::move(stream.events), 0, nullptr};
    MemorySubject* subject = stream.subject;
    beside_ -= beside_ / streams_.size();  // what is folded from it goes, too; `hold` will say how much
    streams_.take(stream).reset();
    if (subject != nullptr) {
        --subject->streams;
        drop_if_idle(*subject);
    }
    bound_tombstones();
}

// What is remembered of the dead must not crowd out the living.
void MemoryStore::bound_tombstones() {
    const auto most = limits_.max_tombstone_bytes != 0 ? limits_.max_tombstone_bytes : limits_.max_bytes / 16;
    while (most != 0 && tombstones_.memory() > most) forget_oldest_loss();
}

void MemoryStore::forget_oldest_loss() {
    const auto number = tombstones_.forget_oldest();
    if (log_ != nullptr) log_->forgot(number, tombstones_.floor());
}

void MemoryStore::lose(Loss loss) {
    loss.number = tombstones_.raise(loss.hash(), loss.through, loss.at);
    if (log_ != nullptr) log_->lost(loss);
}

// What is in `events` can no more be read: remembers it for the stream and for whom it was about.
void MemoryStore::lose(const MemoryStream& stream, const EventList& events, Position through, Timestamp now) {
    lose({stream.category, false, stream.id, through, now});
    if (!stream.mixed) {
        if (stream.subject != nullptr) lose({stream.category, true, stream.subject->name, through, now});
        return;
    }
    // The last event about somebody says it all.
    boost::unordered_flat_set<std::string_view> told;
    for (std::size_t i = events.size(); i != 0; --i)
        if (const auto subject = events[i - 1]->subject(); !subject.empty() && told.insert(subject).second)
            lose({stream.category, true, std::string{subject}, events[i - 1]->position(), now});
}

// Takes up to `count` leaving events out of the indexes. True while there are more.
bool MemoryStore::drain(std::size_t count) {
    auto& [category, id, through, events, next, stream] = leaving_;
    for (; next < events.size() && count != 0; ++next, --count) {
        const EventRef event = std::move(events[next]);
        all_.remove(event->position());
        if (log_ != nullptr) log_->removed(*event);
        if (stream != nullptr) {
            stream->bytes -= cost(*event);
            bytes_of(*category) -= cost(*event);
        }
        if (event->subject().empty()) continue;
        const auto hash = subject_hash(event->category(), event->subject());
        if (auto* subject = subjects_.find(hash, {event->category(), event->subject()})) {
            subject->positions.remove(event->position(), all_);
            drop_if_idle(*subject);
        }
    }
    if (next < events.size()) return true;
    if (through != 0) leaving_ = {};
    return false;
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
    while (more && expired_.size() < told_at_once && std::chrono::steady_clock::now() < deadline)
        more = cleanup_step(now);
    const auto count = std::min(expired_.size(), told_at_once);
    const auto end = expired_.begin() + static_cast<std::ptrdiff_t>(count);
    told.streams.assign(std::make_move_iterator(expired_.begin()), std::make_move_iterator(end));
    expired_.erase(expired_.begin(), end);
    for (auto& stream : std::exchange(oversized_, {})) {
        auto* found = find(*stream.category, stream.stream_id);
        if (found == nullptr) continue;
        found->asked = false;
        if (found->events.size() > limits_.max_events_per_stream) told.oversized.push_back(std::move(stream));
    }
    told.done = !more && expired_.empty();
    co_return told;
}

// One small thing that is due. False if nothing is.
bool MemoryStore::cleanup_step(Timestamp now) {
    if (leaving_.through != 0) {
        drain(drain_step);
        return true;
    }
    if (inbox_.forget(now, marks_at_once)) {
        if (log_ != nullptr) log_->forgot_marks(now);
        return true;
    }
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
    // What still leaves is taken out of the indexes in turns: a trim has events of its own to take out.
    while (trim && drain(trim_step)) co_await aio::next_turn();
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
    const std::uint64_t before = stream.snapshot == nullptr ? 0 : stream.snapshot->state.size();
    stream.bytes += snapshot.state.size() - before;
    bytes_of(*stream.category) += snapshot.state.size() - before;
    stream.snapshot = std::make_unique<Snapshot>(std::move(snapshot));
    if (trim && version >= stream.first_version()) trim_through(stream, version);
    if (log_ != nullptr) log_->snapshot_saved(*stream.category, head_of(stream), *stream.snapshot);
}

// Like an expiry, but nothing of it is left for a later step.
void MemoryStore::erase(const Erase& erase) {
    auto* stream = find(*erase.category, erase.stream_id);
    if (stream == nullptr) return;
    expire(*stream, now_);
    drain(SIZE_MAX);
    if (log_ != nullptr) log_->erased();
}

void MemoryStore::trim_through(MemoryStream& stream, Version version) {
    drain(SIZE_MAX);
    const auto count = static_cast<std::size_t>(version - stream.first_version() + 1);
    const Position through = stream.events[count - 1]->position();
    const Timestamp now = clock_.now();
    auto events = stream.events.take_front(count);
    stream.ids.drop_below(stream.first_version(), stream.events);
    lose(stream, events, through, now);
    stats_of(*stream.category).events -= count;
    leaving_ = {stream.category, stream.id, through, std::move(events), 0, &stream};
}

}  // namespace stepcast::store
