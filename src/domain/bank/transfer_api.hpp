#pragma once
#include "http/route.hpp"

namespace stepcast::bank::api {

extern const http::RouteInfo begin_transfer;
extern const http::RouteInfo transfer;
extern const http::RouteInfo saga;
extern const http::RouteInfo resume_saga;

}  // namespace stepcast::bank::api
