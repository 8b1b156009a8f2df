#include "domain/bank/answers.hpp"

#include <array>

#include "domain/bank/accounts.hpp"
#include "http/answers.hpp"

namespace stepcast::bank {

http::Response answer_for(const Error& error) {
    using flow::kept_errc;
    static const std::array<http::AnswerRow, 25> rows{{
        {errc::malformed, 400, "malformed"},
        {errc::invalid_field, 400, "invalid-field"},
        {errc::unknown_account, 404, "unknown-account"},
        {errc::already_created, 409, "account-already-created"},
        {errc::not_active, 409, "account-not-active"},
        {errc::amount_not_positive, 400, "amount-must-be-positive"},
        {errc::insufficient_balance, 409, "insufficient-balance"},
        {errc::balance_too_large, 409, "balance-too-large"},
        {errc::balance_not_zero, 409, "balance-not-zero"},
        {errc::transfer_pending, 409, "transfer-pending"},
        {errc::not_owner, 403, "not-owner"},
        {errc::same_account, 400, "same-account"},
        {errc::unknown_transfer, 404, "unknown-transfer"},
        {errc::unreadable, 500, "unreadable"},
        {query_errc::rebuilding, 503, "rebuilding"},
        {query_errc::unknown_version, 404, "unknown-version"},
        {query_errc::busy, 429, "busy"},
        {query_errc::unavailable, 503, "store-unavailable"},
        {kept_errc::running, 409, "still-running"},
        {kept_errc::other_call, 422, "idempotency-conflict"},
        {store::errc::unavailable, 503, "store-unavailable"},
        {store::errc::full, 503, "store-full"},
        {store::errc::wrong_expected_version, 503, "busy"},
        {store::errc::trimmed, 410, "version-gone"},
        {event::schema_errc::unknown_schema, 500, "unreadable"},
    }};
    auto response = http::answer_for(error, rows);
    if (response.status == 429) response.with("Retry-After", "2");
    return response;
}

bool may_see_all(const http::Request& request) {
    return request.principal.anonymous || request.principal.scopes.admin;
}

}  // namespace stepcast::bank
