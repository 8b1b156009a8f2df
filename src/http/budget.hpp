#pragma once
#include <memory>

#include "base/budget.hpp"

namespace stepcast::http {

/// What the connections of a server share beside their bounds each.
struct Budgets {
    std::shared_ptr<Budget> received;  ///< of requests that are not whole or not answered yet, and pieces of
                                       ///< TLS records; streams hold those beyond the server's life
    Budget unsent;                     ///< of answers that wait for their sockets
};

}  // namespace stepcast::http
