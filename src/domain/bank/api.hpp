#pragma once
#include "http/route.hpp"

/// What the bank's rows say of themselves.
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

}  // namespace stepcast::bank::api
