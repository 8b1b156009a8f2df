#pragma once
#include <cstddef>
#include <string_view>

namespace stepcast::app {

/// How many letters have to be added, removed or replaced to make `b` of `a` (Levenshtein's distance).
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace stepcast::app
