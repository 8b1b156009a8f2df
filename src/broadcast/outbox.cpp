#include "broadcast/outbox.hpp"

#include <cassert>

#include "base/hash.hpp"

namespace stepcast::broadcast {

Outbox::Queue& Outbox::queue() {
    if (!queue_) queue_ = std::make_unique<Queue>();
    return *queue_;
}

bool Outbox::fits(std::size_t size, const OutboxLimits& limits) const {
    if (queue_->entries.empty()) return true;
    return queue_->entries.size() < limits.frames && queue_->bytes + size <= limits.bytes;
}

Outbox::Pushed Outbox::push(const event::EventRef& frame, const OutboxLimits& limits) {
    const std::size_t size = text(*frame).size();
    const bool removable = !frame->is_control() && frame->category().coalesces &&
                           frame->lifecycle() == event::Lifecycle::neutral;
    Queue& to = queue();
    Pushed pushed;
    if (!fits(size, limits)) {
        const std::uint64_t task = keyed_hash(frame->stream_id());
        while (!fits(size, limits)) {
            if (!remove_older(*frame, task)) {
                pushed.taken = false;
                return pushed;
            }
            ++pushed.coalesced;
        }
    }
    to.entries.push_back({frame, removable ? keyed_hash(frame->stream_id()) : 0, removable});
    to.bytes += size;
    return pushed;
}

void Outbox::keep(event::EventRef frame) {
    Queue& to = queue();
    to.bytes += text(*frame).size();
    to.entries.push_back({std::move(frame), 0, false});
}

bool Outbox::remove_older(const event::Event& newer, std::uint64_t task) {
    auto& entries = queue_->entries;
    const auto removable = [&](const Entry& e) {
        return e.removable && e.task == task && e.frame->same_stream(newer);
    };
    const auto begun = queue_->chunk_sent > 0 ? queue_->chunk_frames : 0;
    const auto oldest =
        std::find_if(entries.begin() + static_cast<std::ptrdiff_t>(begun), entries.end(), removable);
    if (oldest == entries.end()) return false;
    queue_->bytes -= text(*oldest->frame).size();
    entries.erase(oldest);
    return true;
}

FrameCounts Outbox::begin(const Chunk& chunk, std::size_t sent) {
    queue_->chunk = chunk;
    queue_->chunk_frames = queue_->entries.size();
    return consume(sent);
}

void Outbox::form_chunk(std::size_t most, const OutboxLimits& limits) {
    const std::size_t count = std::min({most, limits.chunk_frames(), queue_->entries.size()});
    std::size_t size = 0;
    std::size_t frames = 0;
    while (frames < count && (frames == 0 || size < limits.chunk_bytes()))
        size += text(*queue_->entries[frames++].frame).size();
    queue_->chunk = encoding_.around(size);
    queue_->chunk_frames = frames;
}

std::size_t Outbox::gather(std::span<iovec> out, const OutboxLimits& limits) {
    if (!queue_) return 0;
    if (queue_->chunk_sent == 0) form_chunk(out.size() - 2, limits);
    const Chunk& chunk = queue_->chunk;
    std::size_t count = 0;
    std::size_t skip = queue_->chunk_sent;  // of the head first, then of what is left of the frames
    const auto put = [&](std::string_view bytes) {
        const auto gone = std::min(skip, bytes.size());
        skip -= gone;
        if (gone < bytes.size()) out[count++] = {const_cast<char*>(bytes.data() + gone), bytes.size() - gone};
    };
    put(chunk.head());
    skip = queue_->head_sent;
    const auto frames = std::min(queue_->chunk_frames, out.size() - 2);
    for (std::size_t i = 0; i < frames; ++i) put(text(*queue_->entries[i].frame));
    if (frames < queue_->chunk_frames) return count;
    const auto before_tail = chunk.head().size() + chunk.size();
    skip = std::max(queue_->chunk_sent, before_tail) - before_tail;
    put(chunk.tail());
    return count;
}

FrameCounts Outbox::consume(std::size_t bytes) {
    FrameCounts completed;
    const std::size_t before = queue_->frames_sent();
    queue_->chunk_sent += bytes;
    assert(queue_->chunk_sent <= queue_->chunk.total());
    std::size_t of_frames = queue_->frames_sent() - before;
    queue_->bytes -= of_frames;
    while (of_frames > 0) {
        const std::size_t left = text(*queue_->entries.front().frame).size() - queue_->head_sent;
        if (of_frames < left) {
            queue_->head_sent += of_frames;
            break;
        }
        of_frames -= left;
        queue_->head_sent = 0;
        completed.add(kind_of(*queue_->entries.front().frame));
        queue_->entries.pop_front();
        --queue_->chunk_frames;
    }
    if (queue_->chunk_sent < queue_->chunk.total()) return completed;
    queue_->chunk_sent = 0;
    if (queue_->entries.empty()) queue_.reset();
    return completed;
}

}  // namespace stepcast::broadcast
