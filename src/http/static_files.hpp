#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "http/route.hpp"

namespace stepcast::http {

/// One file of the page, embedded in the binary.
struct StaticFile {
    std::string path;          ///< "/stepcast.js"
    std::string content_type;  ///< "text/javascript; charset=utf-8"
    std::string_view bytes;    ///< outlives the routes
    std::string_view gzip{};   ///< the same, compressed; outlives the routes; empty: is never sent so
    std::string etag{};        ///< with its quotes; made from the bytes if empty
};

/// A GET row for each file; a page "/bank.html" is served at "/bank" too, and "/index.html" at "/". Answers
/// carry an ETag and are asked for anew each time, so that a browser shows the page that this server speaks
/// to. Who accepts gzip is sent that, under an ETag of its own. Their policy allows nothing from elsewhere
/// and nothing inline.
std::vector<Route> static_routes(std::vector<StaticFile> files);

}  // namespace stepcast::http
