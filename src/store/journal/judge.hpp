#pragma once
#include <optional>
#include <string>

#include "store/journal/mark.hpp"

namespace stepcast::store {

/// Says what is wrong with a journal as a whole, before it is opened for good; nothing is written. Refused
/// are
/// - `unusable`: a log that is another file's, which SQLite would mix into this one;
/// - `damaged`: a head that is not what was written, and a file that holds less than its mark says.
///
/// What is no journal at all, or cannot be read, is left to whoever opens it. `mark`: as it was read before
/// anything of the journal, because a server may go on meanwhile. `whole`: the path, links resolved; this
/// process has no connection to it, see FileLock.
result<void> judge_journal(const std::string& whole, const std::optional<Mark>& mark);

}  // namespace stepcast::store
