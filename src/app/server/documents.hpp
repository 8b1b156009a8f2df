#pragma once
#include <span>

#include "domain/topic_info.hpp"
#include "http/router.hpp"

namespace stepcast::app {

/// Adds the rows that tell the interface to machines, made of the rows that `router` has by then, their own
/// included, and of the modules' topics. `tokens`: callers have to prove who they are.
void add_documents(http::Router& router, std::span<const domain::TopicInfo> topics, bool tokens);

}  // namespace stepcast::app
