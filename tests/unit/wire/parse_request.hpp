#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "wire/request_parser.hpp"

namespace stepcast::wire {

/// Everything that a parser made of `script`, as text that can be compared: requests in order, then a refusal
/// or what is unfinished. `cuts`: where the bytes are cut.
std::string parse_all(std::string_view script, const std::vector<std::size_t>& cuts = {},
                      const Limits& limits = {});

/// `parse_all` of the whole, once it was the same for every single cut and byte by byte; otherwise "CUT AT n:
/// …".
std::string parse_at_every_cut(std::string_view script, const Limits& limits = {});

}  // namespace stepcast::wire
