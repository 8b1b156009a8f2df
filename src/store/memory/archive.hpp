#pragma once
#include <span>
#include <vector>

#include "store/memory/change_log.hpp"
#include "store/store.hpp"

namespace stepcast::store {

/// Where events can be read whose bytes have left memory, and snapshots that never were in it.
class Archive {
  public:
    /// The event at each of these positions, null where there is none. Core strand; the positions outlive
    /// the call. Fails as errc::unavailable.
    virtual awaitable<result<std::vector<EventRef>>> read_rows(std::span<const Position> positions) = 0;

    /// Of the snapshots of a stream that stay, the one with the greatest version up to `through`; none also
    /// where it cannot be read. It may be of a stream of that name that is gone. Core strand; the id outlives
    /// the call.
    virtual awaitable<std::optional<KeptSnapshot>> read_kept(const Category& category,
                                                             std::string_view stream_id, Version through) = 0;

  protected:
    ~Archive() = default;
};

/// What a start reads of an event whose bytes stay in the file.
struct AwayEvent {
    Position position = 0;
    Version version = 0;
    Timestamp recorded_at{};
    std::uint32_t stream = 0;   ///< its stream's place in the list of those that the start began with
    std::uint32_t id_hash = 0;  ///< as IdTable::hash gives it
};

/// Which events' bytes leave memory, once they are durable and the feed's reader has them.
enum class LetsGo : std::uint8_t {
    behind_snapshots,  ///< of streams that never expire, behind their newest snapshot
    everything,        ///< all: for tests
};

}  // namespace stepcast::store
