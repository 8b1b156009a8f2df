#include "client/url.hpp"

#include <gtest/gtest.h>

#include "client/errc.hpp"

namespace stepcast::client {
namespace {

TEST(Url, splits_host_port_and_target) {
    const auto url = parse_url("http://example.test:8082/a/b?c=d#part");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->host, "example.test");
    EXPECT_EQ(url->port, 8082);
    EXPECT_EQ(url->target, "/a/b?c=d");
    EXPECT_EQ(url->authority(), "example.test:8082");
}

TEST(Url, defaults_to_port_80_and_the_root) {
    const auto url = parse_url("HTTP://localhost");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->port, 80);
    EXPECT_EQ(url->target, "/");
    EXPECT_EQ(url->authority(), "localhost");
    EXPECT_EQ(parse_url("http://localhost?a=1")->target, "/?a=1");
}

TEST(Url, a_servers_address_keeps_its_path_before_that_of_a_call) {
    for (const auto* text : {"http://localhost", "http://localhost/", "http://localhost//"})
        EXPECT_EQ(parse_url(text)->target_of("/api"), "/api") << text;
    EXPECT_EQ(parse_url("http://localhost/a/b")->target_of("/api?c=d"), "/a/b/api?c=d");
    EXPECT_EQ(parse_url("http://localhost/a/")->target_of("/api"), "/a/api");
}

TEST(Url, reads_an_ipv6_literal) {
    const auto url = parse_url("http://[::1]:81/");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->host, "::1");
    EXPECT_EQ(url->authority(), "[::1]:81");
}

TEST(Url, https_has_a_port_of_its_own) {
    const auto url = parse_url("HTTPS://example.test/a");
    ASSERT_TRUE(url);
    EXPECT_TRUE(url->secure);
    EXPECT_EQ(url->port, 443);
    EXPECT_EQ(url->authority(), "example.test");
    EXPECT_EQ(url->target, "/a");
    EXPECT_EQ(parse_url("https://example.test:80")->authority(), "example.test:80");
    EXPECT_EQ(parse_url("http://example.test:443")->authority(), "example.test:443");
    EXPECT_FALSE(parse_url("http://example.test")->secure);
}

TEST(Url, refuses_what_is_no_url) {
    for (const char* text :
         {"", "localhost:8082", "http://", "http://:80/", "http://a:0/", "http://a:65536/", "http://a:b/",
          "http://u:p@a/", "http://[::1/", "http://[::1]x/", "http://a/b c", "http://a/\r\nX: y"}) {
        EXPECT_FALSE(parse_url(text)) << text;
    }
}

TEST(Url, percent_encodes_everything_that_is_reserved) {
    EXPECT_EQ(percent_encode("a-Z_0.~"), "a-Z_0.~");
    EXPECT_EQ(percent_encode("a b&c=/?\xED\x95\x9C"), "a%20b%26c%3D%2F%3F%ED%95%9C");
}

}  // namespace
}  // namespace stepcast::client
