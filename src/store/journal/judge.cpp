#include "store/journal/judge.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include "store/journal/file.hpp"

namespace stepcast::store {
namespace {

struct State {
    bool empty = true;
    bool as_written = true;
    std::int64_t schema = 0;
    JournalMeta meta;
};

// Empty if that is no journal that this version can read.
std::optional<State> read_state(const std::string& path, Database::Mode mode) {
    try {
        Database db{path, mode};
        State state;
        state.empty = db.number("SELECT count(*) FROM sqlite_master") == 0;
        if (state.empty) return state;
        state.schema = db.number("PRAGMA user_version");
        if (db.number("PRAGMA application_id") != JournalFile::application ||
            state.schema > JournalFile::schema)
            return std::nullopt;
        state.meta = JournalMeta::read(db, state.as_written);
        return state;
    } catch (const SqliteError&) {
        return std::nullopt;
    }
}

Error foreign_log(const std::string& path, const State& alone) {
    return because(
        journal_errc::unusable,
        fmt::format("{0}-wal is not the log of {0} as it is now (epoch {1}), but of what was there "
                    "before: to put a backup in a journal's place use `stepcast journal restore "
                    "BACKUP {0}`, or move {0}-wal, {0}-shm and {0}-mark away",
                    path, alone.meta.epoch));
}

Error less_than_marked(const std::string& path, const State& found, const Mark& mark) {
    return because(
        journal_errc::damaged,
        fmt::format(
            "{0} holds less than was acknowledged: it ends at position {1} (group {2}), its mark says "
            "{3} (group {4}). Its log {0}-wal was damaged, deleted or left behind: bring that or a "
            "backup back, or go on with what is there, under a new epoch: stepcast journal repair {0}",
            path, found.meta.head, found.meta.group, mark.position, mark.group));
}

// A process that has the file open must not come here: closing this connection would let go its locks.
std::optional<State> read_alone(const std::string& path) {
    const auto log = FileIdentity::of(path + "-wal");
    if (!log || log->size == 0) return std::nullopt;
    return read_state(path, Database::Mode::read_without_log);
}

bool is_foreign(const State& alone, const State& whole, const std::optional<Mark>& mark) {
    if (alone.empty || alone.meta.epoch.empty()) return false;
    if (alone.meta.epoch != whole.meta.epoch) return true;
    if (!mark) return false;
    // An older copy of the same journal has the same epoch.
    return mark->epoch != alone.meta.epoch || (alone.schema >= 4 && alone.meta.group < mark->settled);
}

}  // namespace

result<void> judge_journal(const std::string& path, const std::optional<Mark>& mark) {
    const auto alone = read_alone(path);
    const auto whole = read_state(path, Database::Mode::read);
    if (!whole) return {};
    if (alone && !whole->empty && is_foreign(*alone, *whole, mark)) {
        // A server that moves its log into the file meanwhile may have been met in the middle of a page.
        const auto again = read_alone(path);
        if (again && is_foreign(*again, *whole, mark)) return tl::unexpected{foreign_log(path, *again)};
    }
    if (!whole->as_written)
        return tl::unexpected{error_at_open({SQLITE_CORRUPT, "its head is not what was written"}, path)};
    if (!mark) return {};
    const bool same = whole->empty || mark->epoch == whole->meta.epoch;
    const bool less = whole->meta.head < mark->position ||
                      (whole->meta.group < mark->group && (whole->empty || whole->schema >= 4));
    if (same && less) return tl::unexpected{less_than_marked(path, *whole, *mark)};
    return {};
}

}  // namespace stepcast::store
