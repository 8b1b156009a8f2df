#pragma once
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "store/journal/sqlite.hpp"
#include "store/store.hpp"

namespace stepcast::store {

/// One event as it stands in the file.
struct StoredEvent {
    Draft draft;
    Version version = 0;
    Position position = 0;
    Timestamp recorded_at{};
};

/// What a row's `type` means: a row of the table `types`.
struct EventType {
    const Category* category = nullptr;  ///< null: there is no such type
    std::uint8_t type = 0;
    std::uint8_t schema = 0;
    event::Lifecycle lifecycle{};
};

/// A row of the table `events`, which is what was written. Its texts hold until the statement's next step.
struct EventRow {
    const EventType* type = nullptr;
    Version version = 0;
    Position position = 0;
    Timestamp recorded_at{};
    std::uint64_t fingerprint = 0;
    std::string_view stream_id, id, subject, json, metadata;

    StoredEvent event() const;
};

/// The columns that `decode_row` reads, in their order.
inline constexpr const char* row_columns =
    "position, type, version, recorded_at, fingerprint, ids, data, sum, metadata";

/// The types of the journal at `path`, by number. One that these categories do not have is refused. Throws
/// SqliteError.
result<std::vector<EventType>> read_event_types(Database& db, Categories categories, const std::string& path);
/// Throws SqliteError where the row is not what was written. The types outlive what it gives.
EventRow decode_row(const Statement& row, std::span<const EventType> types);

}  // namespace stepcast::store
