#pragma once
#include "domain/topic_info.hpp"
#include "http/route.hpp"

/// What the bank's rows and topics say of themselves.
namespace stepcast::bank::api {

extern const http::RouteInfo create;
extern const http::RouteInfo top;
extern const http::RouteInfo command;
extern const http::RouteInfo account;
extern const http::RouteInfo deposit;
extern const http::RouteInfo withdraw;
extern const http::RouteInfo close;
extern const http::RouteInfo events;
extern const http::RouteInfo transactions;

// What each topic says of itself, under the name that the settings give it.

domain::TopicInfo events_topic(std::string name);
domain::TopicInfo snapshots_topic(std::string name);

}  // namespace stepcast::bank::api
