#include "domain/progress/answers.hpp"

#include <array>

#include "domain/progress/codec.hpp"
#include "domain/progress/service.hpp"
#include "http/answers.hpp"

namespace stepcast::progress {

http::Response answer_for(const Error& error) {
    static const std::array<http::AnswerRow, 10> rows{{
        {errc::malformed, 400, "malformed"},
        {errc::invalid_field, 400, "invalid-field"},
        {errc::tombstone, 400, "invalid-field"},
        {errc::not_owner, 400, "not-owner"},
        {errc::conflict, 409, "idempotency-conflict"},
        {query_errc::unknown_task, 404, "unknown-task"},
        {query_errc::beyond_head, 404, "unknown-version"},
        {query_errc::trimmed, 410, "version-gone"},
        {query_errc::rebuilding, 503, "rebuilding"},
        {query_errc::unavailable, 503, "store-unavailable"},
    }};
    return http::answer_for(error, rows);
}

}  // namespace stepcast::progress
