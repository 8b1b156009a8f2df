#pragma once
#include <functional>
#include <string_view>

#include "wire/request.hpp"

namespace stepcast::http {

/// A request that was answered, or whose stream begins. The views hold during the call.
struct Answered {
    std::string_view address;  ///< the client's, without its port; "local" on a local socket, "unknown"
    std::string_view user;     ///< empty if nobody proved who it is
    wire::Method method;
    std::string_view route;  ///< its pattern, as in RequestStats: what a client wrote stands in no log
    int status;
    double seconds;  ///< from the whole request to the answer made
};

/// Called on the lane of the connection; must not block.
using AccessLog = std::function<void(const Answered&)>;

}  // namespace stepcast::http
