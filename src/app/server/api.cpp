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
    .access = Access::open,
    .answers = {{200, "Prometheus' text format", nullptr, Shape::one, "text/plain"}},
};

const http::RouteInfo openapi{
    .summary = "This interface for machines",
    .access = Access::open,
    .answers = {{200, "An OpenAPI 3.1 document", &document}},
};

}  // namespace stepcast::app::api
