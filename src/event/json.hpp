#pragma once
#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace stepcast::event {

enum class json_errc { malformed = 1, too_deep, bad_utf8, not_an_object };
std::error_code make_error_code(json_errc e);

/// Deepest nesting that is read.
inline constexpr std::size_t max_json_depth = 64;

/// Reads one JSON text into `storage`'s memory. Refuses bad UTF-8, trailing bytes and nesting beyond
/// `max_json_depth`; of two equal keys the last wins. For texts of our own: chosen names make it quadratic,
/// and doubles come back within a unit of the last place. What others wrote goes through a JsonReader.
result<boost::json::value> parse_json(std::string_view text, boost::json::storage_ptr storage = {});

/// Appends `text` as a JSON string with its quotes. Escapes the two that JSON demands, C0 controls and
/// U+2028/U+2029; everything else is written as it is, so an id without those stands verbatim in the output.
void append_json_string(std::string& out, std::string_view text);

/// In which order the members of objects are written.
enum class Members { as_given, by_name };

/// Appends any value on one line; numbers as people write them (42.5, never 4.25E1).
void append_json_value(std::string& out, const boost::json::value& value,
                       Members members = Members::as_given);

/// A string; bytes that are no UTF-8 as `{"hex":"…"}`, because JSON has no other place for them.
boost::json::value json_of_bytes(std::string_view bytes);

}  // namespace stepcast::event

template <>
struct std::is_error_code_enum<stepcast::event::json_errc> : std::true_type {};
