#include <string>

#include "bus/bus.hpp"

namespace stepcast::bus {
namespace {

class Category final : public std::error_category {
  public:
    const char* name() const noexcept override { return "bus"; }
    std::string message(int value) const override {
        switch (static_cast<errc>(value)) {
            case errc::busy:
                return "the bus is full, try again later";
            case errc::unavailable:
                return "the bus does not answer";
            case errc::too_large:
                return "the record is too large for the bus";
            case errc::unknown_topic:
                return "no such topic";
            case errc::closed:
                return "the bus is being stopped";
        }
        return "unknown bus error";
    }
};

}  // namespace

std::error_code make_error_code(errc e) {
    static const Category category;
    return {static_cast<int>(e), category};
}

}  // namespace stepcast::bus
