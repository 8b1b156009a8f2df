#pragma once
#include "http/route.hpp"

namespace stepcast::bank::api {

extern const http::RouteInfo begin_transfer;
extern const http::RouteInfo transfer;

}  // namespace stepcast::bank::api
