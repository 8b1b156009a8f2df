#pragma once
#include <vector>

#include "domain/module.hpp"
#include "domain/topics/tail.hpp"
#include "domain/topics/trace_index.hpp"

namespace stepcast::topics {

/// The rows for operators: topics, their tails, and traces. All outlive them; `index`: null if nothing is
/// traced.
std::vector<http::Route> topic_routes(const domain::Parts& parts, Tails& tails, TraceIndex* index);

}  // namespace stepcast::topics
