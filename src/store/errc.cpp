#include "store/store.hpp"

namespace stepcast::store {
namespace {

class ErrorCategory final : public std::error_category {
  public:
    const char* name() const noexcept override { return "store"; }
    std::string message(int code) const override {
        switch (static_cast<errc>(code)) {
            case errc::wrong_expected_version:
                return "the stream is not at the expected version";
            case errc::idempotency_conflict:
                return "the event id is known with another body";
            case errc::partly_known:
                return "some events of the append are known, some are not";
            case errc::full:
                return "the store is full";
            case errc::unavailable:
                return "the store cannot be reached now";
            case errc::trimmed:
                return "the version was folded into a snapshot";
            case errc::held:
                return "the lease is another holder's";
            case errc::fenced:
                return "the lease was lost";
        }
        return "unknown store error";
    }
};

}  // namespace

std::error_code make_error_code(errc e) {
    static const ErrorCategory category;
    return {static_cast<int>(e), category};
}

}  // namespace stepcast::store
