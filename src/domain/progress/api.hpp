#pragma once
#include "domain/topic_info.hpp"
#include "http/route.hpp"

namespace stepcast::progress::api {

// What each route says of itself.

extern const http::RouteInfo subscribe_user;
extern const http::RouteInfo subscribe_task;
extern const http::RouteInfo subscribe_v1;
extern const http::RouteInfo status;
extern const http::RouteInfo history;
extern const http::RouteInfo user;
extern const http::RouteInfo events;
extern const http::RouteInfo orders;
extern const http::RouteInfo monitor;

// What each topic says of itself, under the name that the settings give it.

domain::TopicInfo events_topic(std::string name);
domain::TopicInfo orders_topic(std::string name);

}  // namespace stepcast::progress::api
