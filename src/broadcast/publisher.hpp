#pragma once
#include <chrono>
#include <span>

#include "event/event.hpp"

namespace stepcast::broadcast {

/// Where committed events go once every projection has them. Any thread.
class Publisher {
  public:
    virtual ~Publisher() = default;

    /// In position order. `committed`: when the first of them was; delivery is measured from then.
    virtual void publish(std::span<const event::EventRef> frames,
                         std::chrono::steady_clock::time_point committed) = 0;
    /// Events up to here are only in the store: nobody is told of them live.
    virtual void skip_to(event::Position newest) = 0;
    /// A new epoch: what subscribers were told is of a history that is over, and they have to come back.
    virtual void restart() = 0;
};

}  // namespace stepcast::broadcast
