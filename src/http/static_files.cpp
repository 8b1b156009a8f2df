#include "http/static_files.hpp"

#include <fmt/format.h>

#include "base/hash.hpp"
#include "http/conditions.hpp"

namespace stepcast::http {
namespace {

constexpr const char* content_policy =
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'";

Response serve(const StaticFile& file, const Request& request) {
    Response response;
    response.headers.reserve(6);
    response.with("ETag", file.etag).with("Cache-Control", "no-cache");
    response.with("Content-Security-Policy", content_policy).with("Referrer-Policy", "no-referrer");
    if (not_modified(request, file.etag)) {
        response.status = 304;
        return response;
    }
    response.with("Content-Type", file.content_type);
    response.body = file.bytes;
    return response;
}

}  // namespace

std::vector<Route> static_routes(std::vector<StaticFile> files) {
    std::vector<Route> routes;
    for (StaticFile& each : files) {
        if (each.etag.empty()) each.etag = fmt::format("\"{:016x}\"", stable_hash(each.bytes));
        const auto file = std::make_shared<const StaticFile>(std::move(each));
        const Handler handler = [file](Request& request, Context) -> awaitable<Response> {
            co_return serve(*file, request);
        };
        routes.push_back({Method::get, file->path, handler});
        if (file->path == "/index.html") routes.push_back({Method::get, "/", handler});
    }
    return routes;
}

}  // namespace stepcast::http
