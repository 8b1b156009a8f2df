// How a memory store comes back to where its history was left.
#include "store/memory/memory_store.hpp"

namespace stepcast::store {

using event::Event;

std::uint64_t Loss::hash() const {
    return of_subject ? subject_hash(*category, name) : stream_hash(*category, name);
}

void MemoryStore::restore(const Loss& loss) {
    tombstones_.restore(loss.hash(), loss.through, loss.at, loss.number);
}

void MemoryStore::restore_hidden_loss(const Loss& loss) {
    lose({*loss.category, loss.of_subject, loss.name, loss.hash()}, loss.through, clock_.now());
}

StreamHead MemoryStore::head_of(const MemoryStream& stream) {
    return {stream.id,
            stream.subject == nullptr ? std::string{} : stream.subject->name,
            stream.first_version(),
            stream.last_position,
            stream.last_recorded,
            stream.life,
            stream.mixed};
}

MemoryStream& MemoryStore::restore(const Category& category, StreamHead head,
                                   std::optional<Snapshot> snapshot) {
    MemoryStream& stream = open_stream(category, head.id, head.subject, stream_hash(category, head.id));
    stream.version = head.first_version - 1;
    stream.last_position = head.last_position;
    stream.last_recorded = head.last_recorded;
    stream.mixed = head.mixed;
    if (category.expires) retention_.place(stream, head.life);
    if (!snapshot) return stream;
    stream.bytes += snapshot->state.size();
    bytes_of(category) += snapshot->state.size();
    stream.snapshot = std::make_unique<Snapshot>(std::move(*snapshot));
    return stream;
}

void MemoryStore::restore(const SourceOffset& source) {
    sources_.push_back(
        {std::string{source.consumer}, std::string{source.topic}, source.partition, source.offset});
}

bool MemoryStore::restore(const Draft& draft, Version version, Position position, Timestamp recorded_at) {
    if (position <= all_.head()) return false;
    const auto hash = stream_hash(draft->category(), draft->stream_id());
    const bool held = streams_.find(hash, {draft->category(), draft->stream_id()}) != nullptr;
    if (!held && version != 1) return restore_cut(draft, version, position, recorded_at);
    MemoryStream& stream = open_stream(draft->category(), draft->stream_id(), draft->subject(), hash);
    if (version != stream.version + 1) return false;
    all_.skip_to(position - 1);
    index(stream, Event::seal(draft, version, position, recorded_at, epoch_));
    if (stream.snapshot != nullptr && version <= stream.snapshot->version) let_go_behind(stream, version);
    return true;
}

bool MemoryStore::restore(MemoryStream& stream, const AwayEvent& event) {
    if (event.position <= all_.head() || event.version != stream.version + 1) return false;
    all_.skip_to(event.position - 1);
    all_.add_away();
    if (stream.subject != nullptr) stream.subject->positions.add(event.position);
    stream.ids.keep_hashes(stream.first_version(), stream.events, stream.snapshot->version);
    add_last(stream, EventSlot::away_at(event.position), event.id_hash, event.recorded_at);
    stream.away_through = event.version;
    stream.bytes += bytes_per_event;
    bytes_of(*stream.category) += bytes_per_event;
    return true;
}

// The beginning of its stream is not here: it went for room, or the event is damaged.
bool MemoryStore::restore_cut(const Draft& draft, Version version, Position position, Timestamp recorded_at) {
    const auto hash = stream_hash(draft->category(), draft->stream_id());
    const Timestamp now = clock_.now();
    if (!cut_ || !cut_->contains(hash)) return false;
    const EventRef event = Event::seal(draft, version, position, recorded_at, epoch_);
    if (event->lifecycle() != event::Lifecycle::opens) {
        all_.skip_to(position);
        lose({event->category(), false, event->stream_id(), hash}, position, now);
        if (const auto name = event->subject(); !name.empty())
            lose({event->category(), true, name, subject_hash(event->category(), name)}, position, now);
        if (log_ != nullptr) log_->removed(*event);
        return true;
    }
    // It runs again, from here on. An empty snapshot says at the next start that its beginning is not
    // missing.
    MemoryStream& stream = open_stream(event->category(), event->stream_id(), event->subject(), hash);
    stream.version = version - 1;
    stream.snapshot = std::make_unique<Snapshot>(Snapshot{version - 1, 0, {}});
    all_.skip_to(position - 1);
    index(stream, event);
    if (log_ != nullptr) {
        auto head = head_of(stream);
        log_->snapshot_saved(*stream.category, head, *stream.snapshot, std::nullopt);
    }
    return true;
}

}  // namespace stepcast::store
