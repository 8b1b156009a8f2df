#pragma once
#include "app/version.hpp"
#include "http/openapi.hpp"
#include "http/route.hpp"

namespace stepcast::app::api {

/// What this server is for, to begin its documents with.
constexpr std::string_view summary = "The progress of long work, stored as events and streamed";

/// `tokens`: callers have to prove who they are.
inline http::ApiInfo about(bool tokens = false) {
    return {.version = version(), .summary = summary, .tokens = tokens};
}

// What each of the node's own routes says of itself.

extern const http::RouteInfo healthz;
extern const http::RouteInfo readyz;
extern const http::RouteInfo metrics;
extern const http::RouteInfo openapi;
extern const http::RouteInfo asyncapi;
extern const http::RouteInfo demo_token;
extern const http::RouteInfo stream;
extern const http::RouteInfo stream_state;
extern const http::RouteInfo dead_letters;
extern const http::RouteInfo dead_letter;
extern const http::RouteInfo give_up_letter;
extern const http::RouteInfo redrive;

}  // namespace stepcast::app::api
