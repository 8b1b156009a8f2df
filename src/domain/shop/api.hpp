#pragma once
#include "domain/topic_info.hpp"
#include "http/route.hpp"

/// What the shop's rows and topics say of themselves.
namespace stepcast::shop::api {

extern const http::RouteInfo products;
extern const http::RouteInfo product;
extern const http::RouteInfo put_product;
extern const http::RouteInfo place_order;
extern const http::RouteInfo orders;
extern const http::RouteInfo order;
extern const http::RouteInfo order_events;
extern const http::RouteInfo cancel_order;

/// All topics of the shop, behind the prefix.
std::vector<domain::TopicInfo> topics(std::string_view prefix);

}  // namespace stepcast::shop::api
