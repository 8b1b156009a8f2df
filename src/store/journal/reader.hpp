#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "store/journal/event_rows.hpp"
#include "store/memory/change_log.hpp"

namespace stepcast::store {

/// Reads events of a journal by position, through a connection of its own that cannot write, while the
/// process's writer goes on. Used by one thread at a time; calls block.
class JournalReader {
  public:
    /// Of a file that is open for writing in this process. The categories outlive the reader.
    static result<std::unique_ptr<JournalReader>> open(const std::string& path, Categories categories,
                                                       std::string epoch);

    /// The event at each position, null where there is none, in one transaction: as long as that lasts the
    /// log cannot be moved into the file, so it is to be a page at most.
    result<std::vector<EventRef>> read(std::span<const Position> positions);

    /// Of the snapshots of a stream that stay, the last one up to `through` that is what was written.
    result<std::optional<KeptSnapshot>> read_kept(const Category& category, std::string_view stream_id,
                                                  Version through);

  private:
    JournalReader(Database db, std::string path, Categories categories, std::string epoch);
    EventRef read_one(Position position);

    Database db_;
    const std::string path_;
    const Categories categories_;
    const std::string epoch_;
    Statement row_;
    Statement kept_;
    std::vector<EventType> types_;
};

}  // namespace stepcast::store
