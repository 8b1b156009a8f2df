#pragma once
#include <vector>

#include "aio/types.hpp"
#include "flow/process_manager.hpp"
#include "http/route.hpp"

namespace stepcast::domain {

/// The row of `GET /api/sagas`: those of every kind that have not ended, and how many stand where. `kinds`
/// outlive the server.
http::Route saga_list_route(std::vector<flow::ProcessManager*> kinds, const aio::Strand& core);

}  // namespace stepcast::domain
