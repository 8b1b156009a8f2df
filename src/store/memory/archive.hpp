#pragma once
#include <span>
#include <vector>

#include "store/store.hpp"

namespace stepcast::store {

/// Where events can be read whose bytes have left memory.
class Archive {
  public:
    /// The event at each of these positions, null where there is none. Core strand; the positions outlive
    /// the call. Fails as errc::unavailable.
    virtual awaitable<result<std::vector<EventRef>>> read_rows(std::span<const Position> positions) = 0;

  protected:
    ~Archive() = default;
};

/// Which events' bytes leave memory, once they are durable and the feed's reader has them.
enum class LetsGo : std::uint8_t {
    behind_snapshots,  ///< of streams that never expire, behind their newest snapshot
    everything,        ///< all: for tests
};

}  // namespace stepcast::store
