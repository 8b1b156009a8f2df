#include "wire/request.hpp"

#include <array>

namespace stepcast::wire {

std::string_view method_name(Method method) {
    constexpr std::array<std::string_view, method_count> names{"GET",   "HEAD",   "POST",   "PUT",
                                                               "PATCH", "DELETE", "OPTIONS"};
    return names[static_cast<std::size_t>(method)];
}

}  // namespace stepcast::wire
