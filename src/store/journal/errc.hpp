#pragma once
#include <string>
#include <system_error>

#include "base/result.hpp"
#include "store/journal/sqlite.hpp"

namespace stepcast::store {

enum class journal_errc {
    unusable = 1,  ///< missing, of something else, read-only, or from a newer version; the detail says which
    in_use,        ///< another process writes to it
    damaged,       ///< what was read is not what was written
    full,          ///< the file is at its bound, `max_bytes`
    failing,       ///< it cannot be written now: the disk is full, or says why not
    taken_over,    ///< another process wrote to it since we did
};
std::error_code make_error_code(journal_errc e);

/// With one line for people.
Error because(journal_errc code, std::string detail);
/// What it means for the journal at `path` that it cannot be opened.
Error error_at_open(const SqliteError& e, const std::string& path);
/// What it means for one that is open.
Error error_of(const SqliteError& e, const std::string& path);

}  // namespace stepcast::store

template <>
struct std::is_error_code_enum<stepcast::store::journal_errc> : std::true_type {};
