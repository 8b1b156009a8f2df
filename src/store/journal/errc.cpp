#include "store/journal/errc.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <filesystem>

#include "base/error_category.hpp"

namespace stepcast::store {

std::error_code make_error_code(journal_errc e) {
    static const ErrorCategory<journal_errc> category{
        "journal",
        {{journal_errc::unusable, "the journal cannot be used"},
         {journal_errc::in_use, "the journal is in use"},
         {journal_errc::damaged, "the journal is damaged"},
         {journal_errc::full, "the journal is full"},
         {journal_errc::failing, "the journal cannot be written"},
         {journal_errc::taken_over, "the journal was taken over"}}};
    return category.code(e);
}

Error because(journal_errc code, std::string detail) {
    return {code, {}, std::move(detail)};
}

Error error_at_open(const SqliteError& e, const std::string& path) {
    switch (e.primary()) {
        case SQLITE_NOTADB:
            return because(journal_errc::unusable,
                           path +
                               " is no journal, or its first page is damaged: name another file, or put a "
                               "backup in its place");
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return because(journal_errc::in_use,
                           path +
                               " is locked by another process: end that one first (a database shell, a copy "
                               "that runs)");
        case SQLITE_READONLY:
        case SQLITE_PERM:
            return because(journal_errc::unusable,
                           path + " cannot be written: look at its owner and permissions, and its folder's");
        case SQLITE_CORRUPT:
            return because(journal_errc::damaged,
                           fmt::format("{0} is damaged ({1}): see `stepcast journal check {0}`, then put a "
                                       "backup in its place or run `stepcast journal repair {0}`",
                                       path, e.what()));
        case SQLITE_CANTOPEN:
            if (std::error_code error; !std::filesystem::exists(path, error))
                return because(journal_errc::unusable, path + ": there is no such file");
            return because(journal_errc::unusable, fmt::format("{} cannot be opened: {}", path, e.what()));
        case SQLITE_FULL:
            return because(journal_errc::failing, path + ": no room is left for it on the disk");
        default:
            return because(journal_errc::unusable, fmt::format("{} cannot be opened: {}", path, e.what()));
    }
}

Error error_of(const SqliteError& e, const std::string& path) {
    const int code = e.primary();
    if (code == SQLITE_FULL)
        return because(journal_errc::failing, path + ": no room is left for it on the disk");
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        return because(journal_errc::damaged,
                       fmt::format("{0} is damaged ({1}): see `stepcast journal check {0}`", path, e.what()));
    return because(journal_errc::failing, fmt::format("{}: {}", path, e.what()));
}

}  // namespace stepcast::store
