#pragma once
#include "http/route.hpp"

namespace stepcast::app::api {

// What each of the node's own routes says of itself.

extern const http::RouteInfo healthz;
extern const http::RouteInfo readyz;
extern const http::RouteInfo metrics;
extern const http::RouteInfo openapi;
extern const http::RouteInfo demo_token;

}  // namespace stepcast::app::api
