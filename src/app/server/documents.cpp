#include "app/server/documents.hpp"

#include <boost/json.hpp>
#include <memory>

#include "app/server/api.hpp"
#include "app/server/asyncapi.hpp"
#include "event/json.hpp"

namespace stepcast::app {
namespace {

/// Its text is given once every row is there.
std::shared_ptr<std::string> add_document(http::Router& router, const char* path,
                                          const http::RouteInfo& info) {
    const auto text = std::make_shared<std::string>();
    router.add({http::Method::get, path,
                [text](http::Request&, http::Context) -> http::awaitable<http::Response> {
                    co_return http::Response::json(*text).with("Cache-Control", "no-cache");
                },
                info});
    return text;
}

}  // namespace

void add_documents(http::Router& router, std::span<const domain::TopicInfo> topics, bool tokens) {
    const auto openapi = add_document(router, "/openapi.json", api::openapi);
    const auto asyncapi = add_document(router, "/asyncapi.json", api::asyncapi);
    const auto about = api::about(tokens);
    event::append_json_value(*openapi, http::openapi_document(router.table(), about));
    event::append_json_value(*asyncapi, asyncapi_document(router.table(), topics, about));
}

}  // namespace stepcast::app
