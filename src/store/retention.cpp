#include "store/retention.hpp"

namespace stepcast::store {

void Retention::place(MemoryStream& stream, MemoryStream::Life life) {
    remove(stream);
    stream.life = life;
    stream.queued_at = stream.last_recorded;
    auto& into = queue(life);
    into.insert(into.end(), stream);
}

void Retention::remove(MemoryStream& stream) {
    if (stream.is_linked()) queue(stream.life).erase(Queue::s_iterator_to(stream));
}

MemoryStream* Retention::due(MemoryStream::Life life, Timestamp until, bool& moved) {
    auto& of = queue(life);
    if (of.empty() || of.begin()->queued_at > until) return nullptr;
    MemoryStream& stream = *of.begin();
    if (stream.queued_at == stream.last_recorded) return &stream;
    place(stream, life);
    moved = true;
    return nullptr;
}

MemoryStream* Retention::oldest(MemoryStream::Life life, Position through) {
    auto& of = queue(life);
    for (auto i = of.begin(); i != of.end();) {
        MemoryStream& stream = *i++;
        if (stream.queued_at < stream.last_recorded) {
            place(stream, life);  // further back, so the loop meets it again unless it is the last
            i = of.begin();
        } else if (!stream.pinned && stream.last_position <= through) {
            return &stream;
        }
    }
    return nullptr;
}

}  // namespace stepcast::store
