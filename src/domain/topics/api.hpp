#pragma once
#include "http/route.hpp"

namespace stepcast::topics::api {

// What each row says of itself.

extern const http::RouteInfo topics;
extern const http::RouteInfo tail;
extern const http::RouteInfo trace;

}  // namespace stepcast::topics::api
