#pragma once
#include <boost/json/object.hpp>
#include <deque>
#include <span>

#include "domain/topic_info.hpp"
#include "http/openapi.hpp"

namespace stepcast::app {

/// The streams of a table of routes and the modules' topics as an AsyncAPI 3.0 document, from the server's
/// side: what it sends and receives. Throws if a schema is no JSON, which a test finds.
boost::json::object asyncapi_document(const std::deque<http::Route>& table,
                                      std::span<const domain::TopicInfo> topics, const http::ApiInfo& info);

}  // namespace stepcast::app
