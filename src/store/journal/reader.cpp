#include "store/journal/reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "store/journal/errc.hpp"
#include "store/journal/kept_rows.hpp"

namespace stepcast::store {

JournalReader::JournalReader(Database db, std::string path, Categories categories, std::string epoch)
    : db_{std::move(db)},
      path_{std::move(path)},
      categories_{categories},
      epoch_{std::move(epoch)},
      row_{db_.prepare(fmt::format("SELECT {} FROM events WHERE position=?", row_columns))},
      kept_{db_.prepare(fmt::format(
          "SELECT {} FROM snapshots_kept WHERE category=? AND stream=? AND version<=? ORDER BY version DESC",
          kept_columns))} {}

result<std::unique_ptr<JournalReader>> JournalReader::open(const std::string& path, Categories categories,
                                                           std::string epoch) {
    try {
        Database db{path, Database::Mode::read};
        db.run("PRAGMA cache_size=-8192");
        return std::unique_ptr<JournalReader>{
            new JournalReader{std::move(db), path, categories, std::move(epoch)}};
    } catch (const SqliteError& e) {
        return tl::unexpected{error_at_open(e, path)};
    }
}

result<std::vector<EventRef>> JournalReader::read(std::span<const Position> positions) {
    try {
        std::vector<EventRef> events;
        events.reserve(positions.size());
        const Transaction one_view{db_, "BEGIN DEFERRED"};
        for (const auto position : positions) events.push_back(read_one(position));
        return events;
    } catch (const SqliteError& e) {
        row_.reset();
        return tl::unexpected{error_of(e, path_)};
    }
}

result<std::optional<KeptSnapshot>> JournalReader::read_kept(const Category& category,
                                                             std::string_view stream_id, Version through) {
    try {
        kept_.bind(1, category.name)
            .bind(2, stream_id)
            .bind(3, static_cast<std::int64_t>(std::min<Version>(through, INT64_MAX)));
        std::optional<KeptSnapshot> found;
        while (!found && kept_.step()) found = decode_kept(kept_, categories_);
        kept_.reset();
        return found;
    } catch (const SqliteError& e) {
        kept_.reset();
        return tl::unexpected{error_of(e, path_)};
    }
}

EventRef JournalReader::read_one(Position position) {
    row_.bind(1, static_cast<std::int64_t>(position));
    if (!row_.step()) return {};
    // The writer adds a type before the first event that has it.
    if (static_cast<std::size_t>(row_.number(1)) >= types_.size())
        if (auto types = read_event_types(db_, categories_, path_)) types_ = std::move(*types);
    const auto stored = decode_row(row_, types_).event();
    row_.reset();
    return event::Event::seal(stored.draft, stored.version, stored.position, stored.recorded_at, epoch_);
}

}  // namespace stepcast::store
