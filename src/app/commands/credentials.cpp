#include "app/commands/credentials.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "auth/key_files.hpp"
#include "auth/token.hpp"

namespace stepcast::app {
namespace {

tl::unexpected<std::string> wrong(std::string why) {
    return tl::unexpected<std::string>(std::move(why));
}

}  // namespace

result<std::string, std::string> read_token_option(const std::string& file) {
    std::string token;
    if (file.empty()) {
        const char* value = std::getenv("STEPCAST_TOKEN");
        token = value == nullptr ? "" : value;
    } else if (file == "-") {
        token.resize(auth::most_token_bytes + 2);  // and its line end
        std::cin.read(token.data(), static_cast<std::streamsize>(token.size()));
        token.resize(static_cast<std::size_t>(std::cin.gcount()));
    } else if (auto text = auth::read_file(file)) {
        token = std::move(*text);
    } else {
        return wrong(text.error().detail);
    }
    while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
    const bool good = std::ranges::all_of(token, [](char c) { return c > ' ' && c < 0x7F; });
    if (!good) return wrong("the token holds spaces or other characters that no token has");
    if (!file.empty() && token.empty()) return wrong(fmt::format("{} holds no token", file));
    return token;
}

result<CalledServer, std::string> find_server(const std::string& text, const std::string& token_file,
                                              const std::string& ca) {
    const auto url = client::parse_url(text);
    if (!url) return wrong(fmt::format("--server {}: {}", text, url.error().detail));
    if (url->target.find('?') != std::string::npos)
        return wrong(fmt::format("--server {}: a server's address has no query", text));
    if (!url->secure && !ca.empty())
        return wrong(fmt::format("--ca {}: {} is not https, and shows no certificate", ca, text));
    auto token = read_token_option(token_file);
    if (!token) return tl::unexpected{std::move(token.error())};
    CalledServer server{.url = *url, .token = std::move(*token)};
    if (!url->secure) return server;
    auto trust = ca.empty() ? aio::TlsTrust::of_system() : aio::TlsTrust::of_file(ca);
    if (!trust) return wrong(fmt::format("--ca {}: {}", ca, trust.error().detail));
    server.trust = std::move(*trust);
    return server;
}

client::Headers bearer(const std::string& token) {
    if (token.empty()) return {};
    return {{"Authorization", "Bearer " + token}};
}

}  // namespace stepcast::app
