#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "event/event.hpp"

namespace stepcast::broadcast {

/// A frame as the ring holds it.
struct RingFrame {
    event::EventRef event;
    std::chrono::steady_clock::time_point committed;
};

/// Bounded multi-producer, multi-consumer ring: every reader sees every frame, in one order, with its own
/// cursor; a reader that is overtaken is told so. No locks: a reader never waits; a producer waits only for
/// one that was interrupted in the middle of a write a whole lap ago.
///
/// Slots hold raw pointers with one count each. A producer that overwrites a frame *retires* it, and it is
/// released once every reader has left the read that could still see it: between loading the pointer and
/// counting the frame, a reader would otherwise touch freed memory, whatever the sequence says afterwards.
class Ring {
  public:
    /// `capacity` is a power of two, at least 2; `readers` is how many `Reader`s there will be. Of the frames
    /// only the newest are kept that take `max_bytes` together, and the newest one at least: whoever misses
    /// the others has been lapped.
    Ring(std::size_t capacity, std::size_t readers, std::size_t max_bytes = SIZE_MAX);
    ~Ring();
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    /// Any thread. Frames of one call are contiguous in the ring.
    void publish(std::span<const event::EventRef> frames, std::chrono::steady_clock::time_point committed);

    /// Where the next frame will be put.
    std::uint64_t tail() const { return tail_.load(std::memory_order_seq_cst); }
    std::size_t capacity() const { return mask_ + 1; }

    enum class Read : std::uint8_t {
        drained,  ///< no further frame is ready
        more,     ///< `limit` reached
        lapped,   ///< the frame at the cursor has been overwritten; the cursor stands where it stood
    };
    /// Appends at most `limit` frames from `cursor` on to `out` and moves the cursor behind them. `reader` <
    /// readers; one thread at a time per reader.
    Read read(std::size_t reader, std::uint64_t& cursor, std::vector<RingFrame>& out, std::size_t limit);

    /// How many overwritten frames wait to be released; for tests, when nobody publishes or reads.
    std::size_t retired() const;

  private:
    // sequence is 2t + 1 while the frame of ticket t is written, 2t + 2 when it stands.
    struct Slot {
        std::atomic<std::uint64_t> sequence{0};
        std::atomic<const event::Event*> frame{nullptr};
        std::atomic<std::int64_t> committed{0};
    };
    struct alignas(64) ReaderEpoch {
        std::atomic<std::uint64_t> value;
    };
    struct Retired {
        std::vector<const event::Event*> frames;
        std::uint64_t epoch = 0;
        Retired* next = nullptr;
    };

    void put(std::uint64_t ticket, const event::Event* frame, std::int64_t committed,
             std::vector<const event::Event*>& old);
    void trim(std::vector<const event::Event*>& old);
    void retire(std::vector<const event::Event*> frames);
    void push(Retired* first, Retired* last);
    void release_unseen();
    std::uint64_t oldest_reader() const;

    const std::uint64_t mask_;
    const std::size_t max_bytes_;
    std::unique_ptr<Slot[]> slots_;
    std::vector<ReaderEpoch> readers_;
    alignas(64) std::atomic<std::uint64_t> tail_{0};
    alignas(64) std::atomic<std::uint64_t> epoch_{1};
    std::atomic<std::size_t> bytes_{0};  ///< of the frames in the slots, and of those about to be put there
    std::atomic<std::uint64_t> trimmed_{0};  ///< tickets below it are gone, or hold what overtook them
    std::atomic<Retired*> retired_{nullptr};
};

}  // namespace stepcast::broadcast
