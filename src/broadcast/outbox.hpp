#pragma once
#include <sys/uio.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>

#include "broadcast/chunk.hpp"
#include "broadcast/encoding.hpp"
#include "broadcast/frame_kind.hpp"
#include "event/event.hpp"

namespace stepcast::broadcast {

/// Bounds of one outbox, both counted over frames not wholly sent.
struct OutboxLimits {
    std::size_t bytes = 256 * 1024;
    std::size_t frames = 1024;

    /// A chunk takes no further frame once it has so much. What is begun of it has to be sent, so that only a
    /// part of an outbox is beyond thinning out.
    std::size_t chunk_bytes() const { return bytes / 4; }
    std::size_t chunk_frames() const { return std::max<std::size_t>(1, frames / 4); }
};

/// What one subscriber has still to be sent. Empty, it is one pointer. One strand.
///
/// When full, older events (lifecycle neutral, of a category that coalesces) of the stream that the new frame
/// is about are removed and the new one goes to the tail, so ids only rise. What opens or ends a stream,
/// control frames and the frames of a chunk that is begun are never removed.
class Outbox {
  public:
    explicit Outbox(Encoding encoding = {}) : encoding_{encoding} {}

    struct Pushed {
        bool taken = true;            ///< false: still full; the frame is not in the outbox
        std::uint32_t coalesced = 0;  ///< frames that were removed for it
    };
    /// Appends a frame. A frame that is larger than the whole bound is taken by an empty outbox.
    Pushed push(const event::EventRef& frame, const OutboxLimits& limits);
    /// Appends a frame that is bounded elsewhere; it is never removed.
    void keep(event::EventRef frame);

    /// All that is in here is one chunk, whose first `sent` bytes, more than none, are on their way. Returns
    /// the frames that are wholly sent.
    FrameCounts begin(const Chunk& chunk, std::size_t sent);

    /// Fills `out`, room for at least three, with the bytes to send next, in order: what is left of the chunk
    /// that is begun, or a new one. Returns how many entries were filled. They hold until the outbox changes.
    std::size_t gather(std::span<iovec> out, const OutboxLimits& limits);

    /// Forgets the first `bytes` of what was gathered, which have been sent. Returns the frames that this
    /// completed.
    FrameCounts consume(std::size_t bytes);

    bool empty() const { return !queue_; }
    std::size_t frames() const { return queue_ ? queue_->entries.size() : 0; }
    std::size_t bytes() const { return queue_ ? queue_->bytes : 0; }
    Encoding encoding() const { return encoding_; }

  private:
    struct Entry {
        event::EventRef frame;
        std::uint64_t task;  // keyed hash of the stream id; only of a removable one
        bool removable;
    };
    struct Queue {
        std::deque<Entry> entries;
        std::size_t bytes = 0;         // of frames, not yet sent
        std::size_t head_sent = 0;     // of the first entry
        Chunk chunk;                   // of the first entries
        std::size_t chunk_sent = 0;    // 0: not begun
        std::size_t chunk_frames = 0;  // not wholly sent

        std::size_t frames_sent() const {  // bytes of frames, of the chunk
            return std::clamp(chunk_sent, chunk.head().size(), chunk.head().size() + chunk.size()) -
                   chunk.head().size();
        }
    };

    Queue& queue();
    bool fits(std::size_t size, const OutboxLimits& limits) const;
    bool remove_older(const event::Event& newer, std::uint64_t task);
    void form_chunk(std::size_t most, const OutboxLimits& limits);

    std::string_view text(const event::Event& frame) const { return encoding_.text(frame); }

    std::unique_ptr<Queue> queue_;
    Encoding encoding_;
};

}  // namespace stepcast::broadcast
