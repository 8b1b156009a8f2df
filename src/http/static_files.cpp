#include "http/static_files.hpp"

#include <fmt/format.h>

#include "base/hash.hpp"
#include "http/conditions.hpp"

namespace stepcast::http {
namespace {

constexpr const char* content_policy =
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'";

struct Served : StaticFile {
    /// Two encodings of a file are two sets of bytes, and a strong tag names one.
    std::string gzip_etag;
};

Response serve(const Served& file, const Request& request) {
    const bool packed = !file.gzip.empty() && prefers_gzip(request);
    const std::string& etag = packed ? file.gzip_etag : file.etag;
    Response response;
    response.headers.reserve(8);
    response.with("ETag", etag).with("Cache-Control", "no-cache");
    if (!file.gzip.empty()) response.with("Vary", "Accept-Encoding");
    response.with("Content-Security-Policy", content_policy).with("Referrer-Policy", "no-referrer");
    if (not_modified(request, etag)) {
        response.status = 304;
        return response;
    }
    response.with("Content-Type", file.content_type);
    if (packed) response.with("Content-Encoding", "gzip");
    response.body = packed ? file.gzip : file.bytes;
    return response;
}

}  // namespace

std::vector<Route> static_routes(std::vector<StaticFile> files) {
    std::vector<Route> routes;
    for (StaticFile& each : files) {
        if (each.etag.empty()) each.etag = fmt::format("\"{:016x}\"", stable_hash(each.bytes));
        std::string gzip_etag = each.etag.substr(0, each.etag.size() - 1) + "-gzip\"";
        const auto file = std::make_shared<const Served>(std::move(each), std::move(gzip_etag));
        const RouteInfo info{.summary = "A file of the page",
                             .access = Access::open,
                             .documented = false,
                             .answers = {{200, "The file", nullptr, Shape::one, file->content_type},
                                         {304, "`If-None-Match` names it", nullptr, Shape::one, ""}}};
        const Handler handler = [file](Request& request, Context) -> awaitable<Response> {
            co_return serve(*file, request);
        };
        routes.push_back({Method::get, file->path, handler, info});
        // A page has an address without its ending.
        if (file->path == "/index.html")
            routes.push_back({Method::get, "/", handler, info});
        else if (file->path.ends_with(".html"))
            routes.push_back({Method::get, file->path.substr(0, file->path.size() - 5), handler, info});
    }
    return routes;
}

}  // namespace stepcast::http
