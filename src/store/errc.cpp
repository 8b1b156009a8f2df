#include "base/error_category.hpp"
#include "store/store.hpp"

namespace stepcast::store {

std::error_code make_error_code(errc e) {
    static const ErrorCategory<errc> category{
        "store",
        {{errc::wrong_expected_version, "the stream is not at the expected version"},
         {errc::idempotency_conflict, "the event id is known with another body"},
         {errc::partly_known, "some events of the append are known, some are not"},
         {errc::full, "the store is full"},
         {errc::unavailable, "the store cannot be reached now"},
         {errc::trimmed, "the version was folded into a snapshot"},
         {errc::held, "the lease is another holder's"},
         {errc::fenced, "the lease was lost"}}};
    return category.code(e);
}

}  // namespace stepcast::store
