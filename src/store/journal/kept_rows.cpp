#include "store/journal/kept_rows.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/hash.hpp"

namespace stepcast::store {
namespace {

constexpr std::size_t kept_sum_bytes = 16;

std::string kept_sum(const KeptSnapshot& kept) {
    const auto& [category, stream_id, position, snapshot] = kept;
    return fmt::format(
        "{:016x}", stable_hash(fmt::format("{}\n{}\n{}\n{} {} {}", category->name, stream_id, snapshot.state,
                                           snapshot.version, snapshot.schema, position)));
}

}  // namespace

std::string kept_state(const KeptSnapshot& kept) {
    return kept.snapshot.state + kept_sum(kept);
}

std::optional<KeptSnapshot> decode_kept(const Statement& row, Categories categories) {
    const auto category = std::ranges::find(categories, row.text(0), &Category::name);
    const auto state = row.text(5);
    if (category == categories.end() || state.size() < kept_sum_bytes) return std::nullopt;
    const auto size = state.size() - kept_sum_bytes;
    KeptSnapshot kept{*category,
                      std::string{row.text(1)},
                      static_cast<Position>(row.number(3)),
                      {static_cast<Version>(row.number(2)), static_cast<std::uint32_t>(row.number(4)),
                       std::string{state.substr(0, size)}}};
    if (state.substr(size) != kept_sum(kept)) return std::nullopt;
    return kept;
}

}  // namespace stepcast::store
