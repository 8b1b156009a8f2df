#include "broadcast/ring.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <thread>

namespace stepcast::broadcast {
namespace {

// A reader outside a read; above every epoch.
constexpr std::uint64_t outside = UINT64_MAX;

std::int64_t ticks(std::chrono::steady_clock::time_point t) {
    return t.time_since_epoch().count();
}

void release(std::span<const event::Event* const> frames) {
    for (const event::Event* frame : frames) intrusive_ptr_release(frame);
}

}  // namespace

Ring::Ring(std::size_t capacity, std::size_t readers, std::size_t max_bytes)
    : mask_{capacity - 1}, max_bytes_{max_bytes}, readers_(readers) {
    if (capacity < 2 || !std::has_single_bit(capacity))
        throw std::invalid_argument{"ring: capacity is not a power of two"};
    slots_ = std::make_unique<Slot[]>(capacity);
    for (auto& reader : readers_) reader.value.store(outside, std::memory_order_relaxed);
}

Ring::~Ring() {
    for (std::size_t i = 0; i <= mask_; ++i)
        if (const event::Event* frame = slots_[i].frame.load()) intrusive_ptr_release(frame);
    for (Retired* block = retired_.load(); block != nullptr;) {
        release(block->frames);
        delete std::exchange(block, block->next);
    }
}

void Ring::publish(std::span<const event::EventRef> frames, std::chrono::steady_clock::time_point committed) {
    if (frames.empty()) return;
    std::vector<const event::Event*> old;
    old.reserve(frames.size());
    std::uint64_t ticket = tail_.fetch_add(frames.size(), std::memory_order_seq_cst);
    for (const auto& frame : frames) put(ticket++, frame.get(), ticks(committed), old);
    trim(old);
    if (!old.empty()) retire(std::move(old));
    release_unseen();
}

void Ring::put(std::uint64_t ticket, const event::Event* frame, std::int64_t committed,
               std::vector<const event::Event*>& old) {
    Slot& slot = slots_[ticket & mask_];
    const std::uint64_t lap_before = ticket <= mask_ ? 0 : 2 * (ticket - mask_ - 1) + 2;
    while (slot.sequence.load(std::memory_order_acquire) != lap_before) std::this_thread::yield();
    intrusive_ptr_add_ref(frame);
    bytes_.fetch_add(frame->memory(), std::memory_order_relaxed);
    slot.sequence.store(2 * ticket + 1, std::memory_order_relaxed);
    // Release: whoever sees one of these two sees the odd sequence as well, and takes neither.
    slot.committed.store(committed, std::memory_order_release);
    const event::Event* overwritten = slot.frame.exchange(frame, std::memory_order_seq_cst);
    slot.sequence.store(2 * ticket + 2, std::memory_order_release);
    if (overwritten == nullptr) return;
    bytes_.fetch_sub(overwritten->memory(), std::memory_order_relaxed);
    old.push_back(overwritten);
}

// Takes the oldest frames out while there are too many bytes. A slot may meanwhile hold a frame that overtook
// the one that was meant: then that one is missed, which a reader takes for a lap all the same.
void Ring::trim(std::vector<const event::Event*>& old) {
    while (bytes_.load(std::memory_order_relaxed) > max_bytes_) {
        const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
        std::uint64_t trimmed = trimmed_.load(std::memory_order_relaxed);
        const std::uint64_t oldest = std::max(trimmed, tail - std::min(tail, mask_ + 1));
        if (oldest + 1 >= tail) return;
        if (!trimmed_.compare_exchange_weak(trimmed, oldest + 1, std::memory_order_relaxed)) continue;
        const event::Event* frame = slots_[oldest & mask_].frame.exchange(nullptr, std::memory_order_seq_cst);
        if (frame == nullptr) continue;
        bytes_.fetch_sub(frame->memory(), std::memory_order_relaxed);
        old.push_back(frame);
    }
}

Ring::Read Ring::read(std::size_t reader, std::uint64_t& cursor, std::vector<RingFrame>& out,
                      std::size_t limit) {
    auto& epoch = readers_[reader].value;
    // Sequentially consistent, both here and in `retire`: either the producer sees this epoch and keeps what
    // it overwrote, or the loads below see what it wrote instead.
    epoch.store(epoch_.load(std::memory_order_seq_cst), std::memory_order_seq_cst);
    Read outcome = Read::more;
    for (std::size_t n = 0; n < limit; ++n) {
        Slot& slot = slots_[cursor & mask_];
        const std::uint64_t wanted = 2 * cursor + 2;
        const std::uint64_t before = slot.sequence.load(std::memory_order_acquire);
        if (before != wanted) {
            outcome = before < wanted ? Read::drained : Read::lapped;
            break;
        }
        const std::int64_t committed = slot.committed.load(std::memory_order_acquire);
        const event::Event* frame = slot.frame.load(std::memory_order_seq_cst);
        if (frame == nullptr || slot.sequence.load(std::memory_order_acquire) != wanted) {
            outcome = Read::lapped;
            break;
        }
        using Clock = std::chrono::steady_clock;
        out.push_back({event::EventRef{frame}, Clock::time_point{Clock::duration{committed}}});
        ++cursor;
    }
    epoch.store(outside, std::memory_order_seq_cst);
    if (outcome != Read::more) release_unseen();
    return outcome;
}

std::uint64_t Ring::oldest_reader() const {
    std::uint64_t oldest = outside;
    for (const auto& reader : readers_)
        oldest = std::min(oldest, reader.value.load(std::memory_order_seq_cst));
    return oldest;
}

void Ring::retire(std::vector<const event::Event*> frames) {
    const std::uint64_t epoch = epoch_.fetch_add(1, std::memory_order_seq_cst);
    if (oldest_reader() > epoch) {
        release(frames);
        return;
    }
    auto* block = new Retired{std::move(frames), epoch, nullptr};
    push(block, block);
}

void Ring::push(Retired* first, Retired* last) {
    last->next = retired_.load(std::memory_order_relaxed);
    while (!retired_.compare_exchange_weak(last->next, first, std::memory_order_release,
                                           std::memory_order_relaxed)) {
    }
}

// Takes the whole list, so that no other thread can look at a block that is deleted here.
void Ring::release_unseen() {
    if (retired_.load(std::memory_order_relaxed) == nullptr) return;
    Retired* block = retired_.exchange(nullptr, std::memory_order_acquire);
    const std::uint64_t oldest = oldest_reader();
    Retired* first = nullptr;
    Retired* last = nullptr;
    while (block != nullptr) {
        Retired* next = block->next;
        if (oldest > block->epoch) {
            release(block->frames);
            delete block;
        } else {
            block->next = first;
            first = block;
            if (last == nullptr) last = block;
        }
        block = next;
    }
    if (first != nullptr) push(first, last);
}

std::size_t Ring::retired() const {
    std::size_t count = 0;
    for (const Retired* block = retired_.load(); block != nullptr; block = block->next)
        count += block->frames.size();
    return count;
}

}  // namespace stepcast::broadcast
