#pragma once
#include <optional>
#include <string>

#include "store/journal/sqlite.hpp"
#include "store/memory/change_log.hpp"

namespace stepcast::store {

/// The columns that `decode_kept` reads, in their order.
inline constexpr const char* kept_columns = "category, stream, version, position, schema, state";

/// The state of a snapshot that stays, as its row holds it: it ends with a sum over the row.
std::string kept_state(const KeptSnapshot& kept);
/// None where the row is not what was written.
std::optional<KeptSnapshot> decode_kept(const Statement& row, Categories categories);

}  // namespace stepcast::store
