#include "http/static_files.hpp"

#include <gtest/gtest.h>

#include "unit/http/raw_client.hpp"
#include "unit/http/running_server.hpp"

namespace stepcast::http {
namespace {

std::vector<Route> page() {
    return static_routes(
        {{"/index.html", "text/html; charset=utf-8", "<!doctype html>"},
         {"/bank.html", "text/html; charset=utf-8", "<!doctype html>"},
         {"/stepcast.js", "text/javascript; charset=utf-8", "export {}", "packed", "\"v1\""}});
}

TEST(StaticFiles, are_served_with_a_strict_policy) {
    RunningServer server{page()};
    RawClient client{server.port()};
    for (const auto* path : {"/", "/index.html", "/bank", "/bank.html"}) {
        const auto response = client.ask(get(path));
        EXPECT_EQ(response->status, 200);
        EXPECT_EQ(response->body, "<!doctype html>");
        EXPECT_EQ(response->headers.at("content-type"), "text/html; charset=utf-8");
        EXPECT_EQ(response->headers.at("x-content-type-options"), "nosniff");
        EXPECT_EQ(response->headers.at("cache-control"), "no-cache");
        EXPECT_TRUE(response->headers.at("content-security-policy").starts_with("default-src 'self';"));
        EXPECT_EQ(response->headers.at("content-security-policy").find("unsafe"), std::string::npos);
    }
    EXPECT_EQ(client.ask("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n", true)->headers.at("content-length"),
              "15");
    for (const auto* path :
         {"/../etc/passwd", "/%2e%2e/etc/passwd", "/index.html/", "/index", "/bank/", "/stepcast.js%00"})
        EXPECT_GE(RawClient{server.port()}.ask(get(path))->status, 400) << path;
}

TEST(StaticFiles, are_not_sent_again_to_who_has_them) {
    RunningServer server{page()};
    RawClient client{server.port()};
    const auto etag = client.ask(get("/"))->headers.at("etag");
    const auto again = client.ask(get("/", "If-None-Match: " + etag + "\r\n"));
    EXPECT_EQ(again->status, 304);
    EXPECT_EQ(again->headers.at("etag"), etag);
    EXPECT_FALSE(again->headers.contains("content-length"));
    EXPECT_EQ(client.ask(get("/", "If-None-Match: \"other\"\r\n"))->status, 200);
    EXPECT_EQ(client.ask(get("/stepcast.js", "If-None-Match: W/\"v1\"\r\n"))->status, 304);
}

TEST(StaticFiles, are_sent_compressed_to_who_asks_under_a_tag_of_their_own) {
    RunningServer server{page()};
    RawClient client{server.port()};
    const auto plain = client.ask(get("/stepcast.js"));
    EXPECT_EQ(plain->body, "export {}");
    EXPECT_EQ(plain->headers.at("vary"), "Accept-Encoding");
    EXPECT_FALSE(plain->headers.contains("content-encoding"));
    const std::string accept = "Accept-Encoding: br, gzip\r\n";
    const auto packed = client.ask(get("/stepcast.js", accept));
    EXPECT_EQ(packed->body, "packed");
    EXPECT_EQ(packed->headers.at("content-encoding"), "gzip");
    EXPECT_EQ(packed->headers.at("vary"), "Accept-Encoding");
    EXPECT_EQ(packed->headers.at("etag"), "\"v1-gzip\"");
    EXPECT_EQ(client.ask(get("/stepcast.js", accept + "If-None-Match: \"v1\"\r\n"))->status, 200);
    EXPECT_EQ(client.ask(get("/stepcast.js", "If-None-Match: \"v1-gzip\"\r\n"))->status, 200);
    const auto same = client.ask(get("/stepcast.js", accept + "If-None-Match: \"v1-gzip\"\r\n"));
    EXPECT_EQ(same->status, 304);
    EXPECT_EQ(same->headers.at("vary"), "Accept-Encoding");
    // A file that is kept in one form does not vary.
    EXPECT_FALSE(client.ask(get("/", accept))->headers.contains("vary"));
}

}  // namespace
}  // namespace stepcast::http
