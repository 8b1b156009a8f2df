#pragma once
#include <optional>
#include <span>
#include <system_error>

#include "base/result.hpp"
#include "http/message.hpp"
#include "http/route.hpp"

namespace stepcast::http {

/// How an error is answered. Of a 503 clients are told to come again.
struct AnswerRow {
    std::error_code error;
    int status;
    std::string_view code;  ///< of the problem, a kebab-case literal
};

/// The problem of an error: by a module's own rows, else by those of the bus, which all share. What nobody
/// has a row for is logged, and is a 500 that reveals nothing.
Response answer_for(const Error& error, std::span<const AnswerRow> rows);

/// The body of a call that asks for nothing.
extern const Schema nothing_asked;
/// The refusal of a body that is not empty and no such object.
std::optional<Response> refuse_other_than_nothing(const Request& request);

/// 503 with Retry-After.
Response later(std::string_view code, std::string_view detail);

}  // namespace stepcast::http
