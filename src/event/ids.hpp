#pragma once
#include <cstddef>
#include <string_view>

namespace stepcast::event {

inline constexpr std::size_t max_id_characters = 128;
inline constexpr std::size_t max_text_characters = 256;

/// Why clients may not name something by `id`, for people: it must be 1–128 printable characters of valid
/// UTF-8. Empty if they may.
std::string_view fault_of_id(std::string_view id);

/// The same of a text for people: up to 256 printable characters, or none.
std::string_view fault_of_text(std::string_view text);

}  // namespace stepcast::event
