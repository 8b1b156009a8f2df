#pragma once
#include "http/route.hpp"

/// What the rows of carts and notifications say of themselves.
namespace stepcast::shop::api {

extern const http::RouteInfo cart;
extern const http::RouteInfo put_item;
extern const http::RouteInfo delete_item;
extern const http::RouteInfo check_out;
extern const http::RouteInfo notifications;
extern const http::RouteInfo read_notifications;
extern const http::RouteInfo subscribe_notifications;

}  // namespace stepcast::shop::api
