#pragma once
#include <vector>

#include "flow/feed_hub.hpp"
#include "flow/process_manager.hpp"
#include "http/route.hpp"

namespace stepcast::domain {

/// The calls on sagas of every kind, for their owners and for operators. What they stand on outlives the
/// server. An id is looked for kind by kind in the order of the modules; `?saga=KIND` names one.
std::vector<http::Route> saga_routes(std::vector<flow::ProcessManager*> kinds, const flow::FeedHub& hub,
                                     const aio::Strand& core);

}  // namespace stepcast::domain
