#pragma once
#include <vector>

#include "domain/module.hpp"
#include "http/route.hpp"

namespace stepcast::domain {

/// The call by which operators see the circuits of every module. `circuits` and `clock` outlive the server.
std::vector<http::Route> circuit_routes(std::vector<StepCircuit> circuits, const Clock& clock,
                                        const aio::Strand& core);

}  // namespace stepcast::domain
