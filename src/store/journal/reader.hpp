#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "store/journal/event_rows.hpp"

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

  private:
    JournalReader(Database db, std::string path, Categories categories, std::string epoch);
    EventRef read_one(Position position);

    Database db_;
    const std::string path_;
    const Categories categories_;
    const std::string epoch_;
    Statement row_;
    std::vector<EventType> types_;
};

}  // namespace stepcast::store
