#include "base/result.hpp"

namespace stepcast {

std::string Error::text() const {
    std::string out;
    if (!field.empty()) out.append(field).append(": ");
    out += detail.empty() ? code.message() : detail;
    return out;
}

}  // namespace stepcast
