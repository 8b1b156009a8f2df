#pragma once
#include <cstdint>
#include <utility>

#include "event/event.hpp"
#include "store/memory/blocks.hpp"

namespace stepcast::store {

/// What a stream keeps of one event: the event itself, or, once its bytes have left memory, its position. One
/// word: an event's address is even.
class EventSlot {
  public:
    // Not explicit: a slot is what a list of events consists of.
    EventSlot(event::EventRef event) : bits_{reinterpret_cast<std::uintptr_t>(event.detach())} {}
    /// Of an event whose bytes are away.
    static EventSlot away_at(event::Position position) { return EventSlot{position << 1 | away}; }
    EventSlot(EventSlot&& other) noexcept : bits_{std::exchange(other.bits_, away)} {}
    EventSlot& operator=(EventSlot&& other) noexcept {
        std::swap(bits_, other.bits_);
        return *this;
    }
    ~EventSlot() {
        if (const auto* held = event()) intrusive_ptr_release(held);
    }

    /// Null if its bytes are away.
    const event::Event* event() const {
        return (bits_ & away) != 0 ? nullptr : reinterpret_cast<const event::Event*>(bits_);
    }
    event::Position position() const {
        const auto* held = event();
        return held == nullptr ? bits_ >> 1 : held->position();
    }
    void let_go() {
        const auto* held = event();
        if (held == nullptr) return;
        bits_ = held->position() << 1 | away;
        intrusive_ptr_release(held);
    }

  private:
    explicit EventSlot(std::uintptr_t bits) : bits_{bits} {}

    static constexpr std::uintptr_t away = 1;
    std::uintptr_t bits_;
};

static_assert(sizeof(EventSlot) == 8);

using EventList = Blocks<EventSlot>;

}  // namespace stepcast::store
