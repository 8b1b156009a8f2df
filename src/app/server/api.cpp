#include "app/server/api.hpp"

namespace stepcast::app::api {
namespace {

using http::Access;
using http::Schema;
using http::Shape;

constexpr Schema health{"Health", R"({
  "type":"object","required":["status"],"properties":{"status":{"type":"string","const":"ok"}}})"};

constexpr Schema readiness{"Readiness", R"({
  "type":"object","required":["status","failing","rebuiltPercent"],
  "properties":{
    "status":{"type":"string","enum":["ready","not-ready"]},
    "failing":{"type":"array","items":{"type":"string"},"description":"The parts that keep the node from being ready"},
    "rebuiltPercent":{"type":"integer","minimum":0,"maximum":100}}})"};

constexpr Schema document{"OpenApi", R"({
  "type":"object","required":["openapi","info","paths"],
  "properties":{"openapi":{"type":"string"},"info":{"type":"object"},"paths":{"type":"object"},"components":{"type":"object"}}})"};

constexpr Schema async_document{"AsyncApi", R"({
  "type":"object","required":["asyncapi","info","channels","operations"],
  "properties":{"asyncapi":{"type":"string"},"info":{"type":"object"},"channels":{"type":"object"},"operations":{"type":"object"},"components":{"type":"object"}}})"};

constexpr Schema credentials{"Credentials", R"({
  "type":"object","required":["userId","password"],
  "properties":{"userId":{"type":"string","minLength":1},"password":{"type":"string"}}})"};

constexpr Schema given_token{"GivenToken", R"({
  "type":"object","required":["token","expiresIn"],
  "properties":{"token":{"type":"string"},"expiresIn":{"type":"integer","description":"Seconds"}}})"};

}  // namespace

const http::RouteInfo healthz{
    .summary = "Whether the process answers, whatever it depends on does",
    .access = Access::open,
    .any_host = true,
    .answers = {{200, "It does", &health}},
};

const http::RouteInfo readyz{
    .summary = "Whether the node should be given traffic",
    .access = Access::open,
    .any_host = true,
    .answers = {{200, "It should", &readiness}, {503, "Not now; `failing` says why", &readiness}},
};

const http::RouteInfo metrics{
    .summary = "Numbers for Prometheus",
    .access = Access::admin,
    .answers = {{200, "Prometheus' text format", nullptr, Shape::one, "text/plain"}},
};

const http::RouteInfo openapi{
    .summary = "This interface for machines",
    .access = Access::open,
    .answers = {{200, "An OpenAPI 3.1 document", &document}},
};

const http::RouteInfo asyncapi{
    .summary = "The streams, and the topics behind them, for machines",
    .access = Access::open,
    .answers = {{200, "An AsyncAPI 3.0 document", &async_document}},
};

const http::RouteInfo demo_token{
    .summary = "A token for trying out, on the server's own machine",
    .description = "Only with `auth.demo`. Any password is right but an empty one.",
    .access = Access::open,
    .body = &credentials,
    .answers = {{200, "A token for an hour, without scopes", &given_token},
                {401, "The password is empty"},
                {403, "The client is elsewhere, or the page that calls is of a foreign origin"}},
};

}  // namespace stepcast::app::api
