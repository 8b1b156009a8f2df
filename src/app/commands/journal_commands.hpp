#pragma once
#include <string>

namespace stepcast::app {

// What a person does with a journal's file. Each prints its result on stdout, progress and errors on stderr,
// and returns the exit code: 0, or 1 if it could not be done or, for check, if something is wrong.

/// Reads all of it; a server may use it meanwhile.
int journal_check(const std::string& path);
/// Makes a whole file of what can be read; the damaged one is kept beside it.
int journal_repair(const std::string& path);
int journal_compact(const std::string& path);
/// A consistent copy; a server may use the journal meanwhile.
int journal_backup(const std::string& path, const std::string& to);
/// Puts a backup in the place of the journal, which is kept beside it.
int journal_restore(const std::string& backup, const std::string& path);
/// NDJSON to stdout; a server may use the journal meanwhile, and is not held up by who reads stdout slowly.
int journal_export(const std::string& path);
/// NDJSON from stdin into a new file.
int journal_import(const std::string& path);

}  // namespace stepcast::app
