#pragma once
#include <string>

#include "store/journal/sqlite.hpp"
#include "store/store.hpp"

namespace stepcast::store {

/// What a journal says of itself as a whole: the rows of its table `meta`, with a sum over them.
struct JournalMeta {
    std::string epoch{};
    Position head = 0;
    Position floor = 0;
    /// Of the last transaction: microseconds since 1970 when it was begun, and more than the one before. So a
    /// file that is made later, by an import or a repair, is above the mark of the one that it replaces.
    std::uint64_t group = 0;
    std::string owner{};  ///< who wrote that transaction: a token of the process; empty: nobody yet

    /// Since schema 4. Two processes never write the same one, because their tokens differ.
    std::int64_t sum() const;

    /// Throws SqliteError. `as_written`: false if its sum, where it has one, says that it is damaged.
    static JournalMeta read(Database& db, bool& as_written);
    /// Replaces every row. Throws SqliteError.
    void write(Database& db) const;
};

/// Gives the history another name. Throws SqliteError.
void name_history(Database& db, const std::string& epoch);

}  // namespace stepcast::store
