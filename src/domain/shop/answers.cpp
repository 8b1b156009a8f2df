#include "domain/shop/answers.hpp"

#include <array>

#include "domain/shop/order.hpp"
#include "event/upcaster.hpp"
#include "http/answers.hpp"
#include "store/store.hpp"

namespace stepcast::shop {

http::Response answer_for(const Error& error) {
    static const std::array<http::AnswerRow, 4> rows{{
        {errc::unreadable, 500, "unreadable"},
        {store::errc::unavailable, 503, "store-unavailable"},
        {store::errc::trimmed, 410, "version-gone"},
        {event::schema_errc::unknown_schema, 500, "unreadable"},
    }};
    return http::answer_for(error, rows);
}

}  // namespace stepcast::shop
