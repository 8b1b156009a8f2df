#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "app/config/config.hpp"

namespace stepcast::app {

/// One file of web/, held in the binary.
struct WebFile {
    std::string_view path;  ///< "/stepcast.js"; the page itself is "/index.html"
    std::string_view content_type;
    std::string_view bytes;
    std::string_view gzip;  ///< the same, compressed; empty where that is no smaller
    std::string etag;       ///< quoted, the same for the same bytes in every build
};

/// All of web/, in the order of their paths.
const std::vector<WebFile>& web_files();

/// Those of them that a server with these settings has: what belongs to a module that is closed is left out.
/// With `/pages.js`, which tells every page which others there are.
std::vector<WebFile> served_files(const Config& config);

/// The media type of a file name by its ending.
std::string_view content_type_of(std::string_view path);

}  // namespace stepcast::app
