#include "domain/shop/answers.hpp"

#include <array>

#include "domain/shop/order.hpp"
#include "event/upcaster.hpp"
#include "http/answers.hpp"
#include "store/store.hpp"

namespace stepcast::shop {

http::Response answer_for(const Error& error) {
    static const std::array<http::AnswerRow, 16> rows{{
        {errc::unreadable, 500, "unreadable"},
        {errc::malformed, 400, "malformed"},
        {errc::invalid_field, 400, "invalid-field"},
        {errc::unknown_product, 404, "unknown-product"},
        {errc::unknown_order, 404, "unknown-order"},
        {errc::already_shipped, 409, "already-shipped"},
        {errc::not_owner, 403, "not-owner"},
        {errc::rebuilding, 503, "rebuilding"},
        {errc::unknown_version, 404, "unknown-version"},
        {errc::empty_cart, 409, "empty-cart"},
        {store::errc::idempotency_conflict, 422, "idempotency-conflict"},
        {store::errc::unavailable, 503, "store-unavailable"},
        {store::errc::full, 503, "store-full"},
        {store::errc::wrong_expected_version, 503, "busy"},
        {store::errc::trimmed, 410, "version-gone"},
        {event::schema_errc::unknown_schema, 500, "unreadable"},
    }};
    return http::answer_for(error, rows);
}

}  // namespace stepcast::shop
