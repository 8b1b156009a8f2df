#include <fmt/format.h>

#include <cstdio>

#include "app/commands/commands.hpp"
#include "app/server/api.hpp"
#include "app/server/asyncapi.hpp"
#include "app/server/node.hpp"
#include "app/server/wiring.hpp"
#include "event/json.hpp"
#include "http/openapi.hpp"

namespace stepcast::app {

int print_interface(Interface form) {
    const Config config;
    asio::io_context io{1};
    auto bus = make_bus(io, config, system_clock());
    if (!bus) {
        fmt::print(stderr, "stepcast: {}\n", bus.error().text());
        return 1;
    }
    // It is never started: only its table is asked for.
    const Node node{io,      config,         std::move(*bus),
                    nullptr, system_clock(), modules(config, system_clock().now())};
    const auto& table = node.router().table();
    std::string out;
    if (form == Interface::markdown)
        out = http::api_markdown(table);
    else
        event::append_json_value(out, form == Interface::openapi
                                          ? http::openapi_document(table, api::about())
                                          : asyncapi_document(table, node.topic_infos(), api::about()));
    fmt::print("{}{}", out, form == Interface::markdown ? "" : "\n");
    return 0;
}

}  // namespace stepcast::app
