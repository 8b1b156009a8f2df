#include "store/journal_errc.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <filesystem>

namespace stepcast::store {
namespace {

class JournalCategory final : public std::error_category {
  public:
    const char* name() const noexcept override { return "journal"; }
    std::string message(int code) const override {
        switch (static_cast<journal_errc>(code)) {
            case journal_errc::unusable:
                return "the journal cannot be used";
            case journal_errc::in_use:
                return "the journal is in use";
            case journal_errc::damaged:
                return "the journal is damaged";
            case journal_errc::full:
                return "the journal is full";
            case journal_errc::failing:
                return "the journal cannot be written";
            case journal_errc::taken_over:
                return "the journal was taken over";
        }
        return "unknown journal error";
    }
};

}  // namespace

std::error_code make_error_code(journal_errc e) {
    static const JournalCategory category;
    return {static_cast<int>(e), category};
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
                               "in progress)");
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

}  // namespace stepcast::store
