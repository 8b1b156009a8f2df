#pragma once
#include <sys/uio.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <span>

#include "broadcast/frame_kind.hpp"
#include "event/event.hpp"

namespace stepcast::broadcast {

/// Bounds of one outbox, both counted over frames not wholly sent.
struct OutboxLimits {
    std::size_t bytes = 256 * 1024;
    std::size_t frames = 1024;
};

/// What one live subscriber has still to be sent. Empty, it is one pointer. One strand.
///
/// When full, older events (lifecycle neutral, of a category that coalesces) of the stream that the new frame
/// is about are removed and the new one goes to the tail, so ids only rise. What opens or ends a stream,
/// control frames and a frame whose first bytes are already sent are never removed.
class Outbox {
  public:
    /// `with_ids` false sends every frame without its id line (V1).
    explicit Outbox(bool with_ids = true) : with_ids_{with_ids} {}

    struct Pushed {
        bool taken = true;            ///< false: still full; the frame is not in the outbox
        std::uint32_t coalesced = 0;  ///< frames that were removed for it
    };
    /// Appends a frame. A frame that is larger than the whole bound is taken by an empty outbox.
    Pushed push(const event::EventRef& frame, const OutboxLimits& limits);

    /// Fills `out` with the bytes to send next, in order. Returns how many entries were filled.
    std::size_t gather(std::span<iovec> out) const;

    /// Forgets the first `bytes`, which have been sent. Returns the frames that this completed.
    FrameCounts consume(std::size_t bytes);

    bool empty() const { return !queue_; }
    std::size_t frames() const { return queue_ ? queue_->entries.size() : 0; }
    std::size_t bytes() const { return queue_ ? queue_->bytes : 0; }
    bool with_ids() const { return with_ids_; }

    /// The bytes that `frame` is sent as.
    std::string_view text(const event::Event& frame) const {
        return with_ids_ ? frame.frame() : frame.frame_without_id();
    }

  private:
    struct Entry {
        event::EventRef frame;
        std::uint64_t task;  // keyed hash of the stream id
        bool removable;
    };
    struct Queue {
        std::deque<Entry> entries;
        std::size_t bytes = 0;      // not yet sent
        std::size_t head_sent = 0;  // of the first entry
    };

    bool fits(std::size_t size, const OutboxLimits& limits) const;
    bool remove_older(const event::Event& newer, std::uint64_t task);

    std::unique_ptr<Queue> queue_;
    bool with_ids_;
};

}  // namespace stepcast::broadcast
