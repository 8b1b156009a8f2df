#pragma once
#include <string_view>

#include "http/route.hpp"

// Pieces that the rows of several modules are made from.

// Texts without what `has_control` finds; a macro, because only literals can be joined within a schema.
#define STEPCAST_PRINTABLE \
    R"("pattern":"^[^\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u200b\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb]+$")"
// What event::fault_of_id takes.
#define STEPCAST_ID R"("type":"string","minLength":1,"maxLength":128,)" STEPCAST_PRINTABLE

namespace stepcast::domain {

inline constexpr std::string_view id_schema = "{" STEPCAST_ID "}";
inline constexpr std::string_view whole_schema =
    R"({"type":"integer","minimum":1,"maximum":9223372036854775807})";
/// Of `wait`, a position of the store.
inline constexpr std::string_view position_schema =
    R"({"type":"integer","minimum":0,"maximum":9223372036854775807})";
/// Of the header Idempotency-Key.
inline constexpr std::string_view key_schema = R"({"type":"string","pattern":"^[!-~]{1,255}$"})";

inline constexpr http::Parameter wait_parameter{
    http::Parameter::In::query, "wait",
    "Answered once what was committed at this position can be seen, at most 5 s later", position_schema};
/// `meaning` says what a repeated key does.
constexpr http::Parameter key_parameter(std::string_view meaning) {
    return {http::Parameter::In::header, "Idempotency-Key", meaning, key_schema};
}
inline const http::Answer unavailable_answer{
    .status = 503,
    .meaning = "The store cannot be reached, is full, or is being read",
    .headers = {"Retry-After"}};
inline const http::Answer not_in_time_answer{504, "What was waited for has not been seen yet"};

}  // namespace stepcast::domain
