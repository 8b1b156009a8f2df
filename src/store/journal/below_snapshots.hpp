#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <optional>
#include <span>
#include <string>

#include "store/journal/event_rows.hpp"
#include "store/memory/archive.hpp"
#include "store/memory/stream.hpp"
#include "store/snapshot_kind.hpp"

namespace stepcast::store {

/// Streams with a snapshot, of whose events below it a start needs no more than an AwayEvent.
class BelowSnapshots {
  public:
    /// `number`: its place in the list of those that the start begins with.
    void add(const Category& category, const StreamHead& head, Version snapshot, std::uint32_t number) {
        streams_.try_emplace(stream_hash(category, head.id),
                             Stream{&category, head.id, head.subject, snapshot, number});
    }
    /// The number of the stream that the row is of, if it is below its snapshot and about whom the stream
    /// began with. `hash`: stream_hash of the row.
    std::optional<std::uint32_t> find(std::uint64_t hash, const EventRow& row) const {
        const auto found = streams_.find(hash);
        if (found == streams_.end()) return std::nullopt;
        const auto& [category, id, subject, snapshot, number] = found->second;
        const bool is = row.version < snapshot && row.type->category == category && row.stream_id == id &&
                        row.subject == subject;
        return is ? std::optional{number} : std::nullopt;
    }
    void clear() { streams_ = {}; }

  private:
    struct Stream {
        const Category* category;
        std::string id;
        std::string subject;
        Version snapshot;
        std::uint32_t number;
    };

    boost::unordered_flat_map<std::uint64_t, Stream> streams_;  // one with another's hash is left out
};

}  // namespace stepcast::store
