#include "app/server/web_files.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "app/server/web_sources.hpp"
#include "base/hash.hpp"

namespace stepcast::app {

std::string_view content_type_of(std::string_view path) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 9> types{{
        {".html", "text/html; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".json", "application/json"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".ico", "image/x-icon"},
        {".webmanifest", "application/manifest+json"},
    }};
    for (const auto& [ending, type] : types)
        if (path.ends_with(ending)) return type;
    return "application/octet-stream";
}

const std::vector<WebFile>& web_files() {
    static const std::vector<WebFile> files = [] {
        std::vector<WebFile> all;
        for (const WebSource& source : web_sources())
            all.push_back({source.path, content_type_of(source.path), source.bytes, source.gzip,
                           fmt::format("\"{:016x}\"", stable_hash(source.bytes))});
        return all;
    }();
    return files;
}

std::vector<WebFile> served_files(const Config& config) {
    constexpr std::string_view closed = "// The pages that not every server has.\nexport const extra = [];\n";
    constexpr std::string_view open =
        "// The pages that not every server has.\nexport const extra = ['shop'];\n";
    const auto pages = config.shop.enabled ? open : closed;
    std::vector<WebFile> all{
        {"/pages.js", content_type_of(".js"), pages, {}, fmt::format("\"{:016x}\"", stable_hash(pages))}};
    for (const auto& file : web_files())
        if (config.shop.enabled || !file.path.starts_with("/shop")) all.push_back(file);
    return all;
}

}  // namespace stepcast::app
