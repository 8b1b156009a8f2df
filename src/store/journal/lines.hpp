#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace stepcast::store::lines {

// What who writes the lines of an export shares with who reads them.
inline constexpr std::size_t page = 1024;
inline constexpr std::uint64_t reported_each = 250'000;
inline constexpr std::string_view data_mark = ",\"data\":";
inline constexpr std::array<std::string_view, 3> lifecycles{"neutral", "opens", "ends"};
inline constexpr std::array<std::string_view, 3> lives{"permanent", "running", "finished"};

}  // namespace stepcast::store::lines
