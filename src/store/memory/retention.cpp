#include "store/memory/retention.hpp"

namespace stepcast::store {
namespace {

// At most so many streams are looked at in one call, so that it stays within microseconds.
constexpr int most_looks = 64;

}  // namespace

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

Retention::Oldest Retention::oldest(MemoryStream::Life life, Position through) {
    auto& of = queue(life);
    Oldest found;
    int looks = most_looks;
    for (auto i = of.begin(); i != of.end() && looks != 0;) {
        MemoryStream& stream = *i++;
        if (stream.pinned) continue;
        --looks;
        if (stream.queued_at < stream.last_recorded) {
            place(stream, life);  // further back: the loop may meet it again
            i = of.begin();
            found.moved = true;
        } else if (stream.last_position <= through) {
            return {&stream};
        } else {
            found.waits = true;
        }
    }
    found.moved = found.moved && looks == 0;
    return found;
}

}  // namespace stepcast::store
