#include "http/links.hpp"

#include <fmt/format.h>

namespace stepcast::http {
namespace {

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) != 0)
            out += c;
        else
            out += fmt::format("%{:02X}", byte);
    }
    return out;
}

}  // namespace

std::string escaped_path(const Request& request) {
    std::string path;
    auto slash = request.escaped_slashes.begin();
    for (std::size_t i = 0; i < request.path.size(); ++i) {
        const char c = request.path[i];
        const auto byte = static_cast<unsigned char>(c);
        bool plain = std::isalnum(byte) != 0 || std::string_view{"/-._~:@"}.find(c) != std::string_view::npos;
        if (slash != request.escaped_slashes.end() && *slash == i) ++slash, plain = false;
        if (plain)
            path += c;
        else
            path += fmt::format("%{:02X}", byte);
    }
    return path;
}

std::string link_behind(const Request& request, std::string_view after) {
    std::string query;
    for (const auto& [name, value] : request.query)
        if (name != "after") query += escaped(name) + '=' + escaped(value) + '&';
    return fmt::format("<{}?{}after={}>; rel=\"next\"", escaped_path(request), query, escaped(after));
}

}  // namespace stepcast::http
