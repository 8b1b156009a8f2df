#pragma once
#include <string_view>
#include <vector>

namespace stepcast::app {

struct WebSource {
    std::string_view path;
    std::string_view bytes;
    std::string_view gzip;  ///< empty where it would be no smaller
};

/// Defined in the file that embed_web.cmake writes at build time.
std::vector<WebSource> web_sources();

}  // namespace stepcast::app
