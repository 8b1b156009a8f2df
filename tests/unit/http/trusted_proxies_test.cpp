#include "http/trusted_proxies.hpp"

#include <gtest/gtest.h>

#include "http/forwarded.hpp"

namespace stepcast::http {
namespace {

using asio::ip::make_address;

TEST(Networks, hold_addresses_by_their_prefix_and_family) {
    Networks networks;
    for (const auto* text : {"127.0.0.1", "10.0.0.0/8", "192.0.2.128/25", "2001:db8::/33", "::1"})
        EXPECT_TRUE(networks.add(text)) << text;
    for (const auto* in : {"127.0.0.1", "10.255.0.1", "192.0.2.255", "2001:db8:7fff::1", "::1"})
        EXPECT_TRUE(networks.contain(make_address(in))) << in;
    for (const auto* out : {"127.0.0.2", "11.0.0.0", "192.0.2.127", "2001:db8:8000::1", "::2", "::7f00:1"})
        EXPECT_FALSE(networks.contain(make_address(out))) << out;
    Networks all;
    EXPECT_TRUE(all.add("::/0"));
    EXPECT_TRUE(all.contain(make_address("::1")));
    EXPECT_FALSE(all.contain(make_address("127.0.0.1")));
}

TEST(Networks, take_nothing_that_may_have_been_meant_otherwise) {
    for (const auto* text :
         {"", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0", "host", "::1%lo", "[::1]",
          "2001:db8::1/64", "::/129", "127.0.0.1:80", "0x7f000001", "10.0.0.0/8/8"})
        EXPECT_FALSE(Networks{}.add(text)) << text;
    EXPECT_TRUE(TrustedProxies::is_trustable("unix"));
    EXPECT_FALSE(TrustedProxies::is_trustable("Unix"));
}

/// The address of a node, "-" if it has none, or what is wrong.
std::string node(std::string_view text) {
    const auto read = read_node(text);
    if (!read) return "wrong";
    return *read ? (*read)->to_string() : "-";
}

TEST(Forwarded, a_node_is_an_address_with_or_without_a_port_or_nobody) {
    EXPECT_EQ(node("192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(node("192.0.2.1:80"), "192.0.2.1");
    EXPECT_EQ(node("192.0.2.1:_x.y-z"), "192.0.2.1");
    EXPECT_EQ(node("[2001:db8::1]"), "2001:db8::1");
    EXPECT_EQ(node("[2001:DB8::1]:65535"), "2001:db8::1");
    EXPECT_EQ(node("2001:db8::1"), "2001:db8::1");
    EXPECT_EQ(node("::ffff:192.0.2.1"), "192.0.2.1") << "one client, however it is written";
    for (const auto* nobody : {"unknown", "Unknown", "_hidden", "_SEVKISEK", "unknown:80", "_a:_b"})
        EXPECT_EQ(node(nobody), "-") << nobody;
    for (const auto* wrong : {"", "_", "host", "192.0.2", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:080000",
                              "[::1", "::1]", "[192.0.2.1]", "[::1]80", "[::1]:x", "[]", "[::1%lo]",
                              "fe80::1%1", "192.0.2.1 ", "_a b", "1.2.3.4, 5"})
        EXPECT_EQ(node(wrong), "wrong") << wrong;
}

/// "address https?" of an element, or what is wrong.
std::string hop(std::string_view element) {
    const auto read = read_forwarded(element);
    if (!read) return "wrong";
    const std::string scheme = !read->secure ? "" : *read->secure ? " https" : " other";
    return (read->address ? read->address->to_string() : "-") + scheme;
}

TEST(Forwarded, an_element_is_pairs_of_tokens_and_quoted_strings) {
    EXPECT_EQ(hop("for=192.0.2.60;proto=http;by=203.0.113.43"), "192.0.2.60 other");
    EXPECT_EQ(hop(R"(For="[2001:db8:cafe::17]:4711")"), "2001:db8:cafe::17");
    EXPECT_EQ(hop(R"(PROTO="https";FOR="192.0.2.43:1";host="a;b,c=\"d\"")"), "192.0.2.43 https");
    EXPECT_EQ(hop(R"(for="\1\92.0.2.1")"), "192.0.2.1");
    EXPECT_EQ(hop("for=_gazonk ; proto=https"), "- https");
    EXPECT_EQ(hop("proto=https"), "- https");
    EXPECT_EQ(hop("for=1.2.3.4;"), "1.2.3.4");
    for (const auto* wrong : {"for", "=1", "for=", "for =1.2.3.4", "for=[::1]", "for=\"1.2.3.4",
                              "for=\"1.2.3.4\\", "for=1.2.3.4 proto=https", "for=1.2.3.4;for=1.2.3.4",
                              "proto=a;proto=b", "for=host", "for=1.2.3.4,x", "a=\"b\"c=d"})
        EXPECT_EQ(hop(wrong), "wrong") << wrong;
}

/// "address proxied? https?" of the client that a peer at `from` names; or what is wrong.
std::string client(ProxyHeader header, std::string_view from, wire::Headers headers, bool secure = false) {
    const TrustedProxies proxies{header, {"127.0.0.1", "10.0.0.0/8", "::1"}};
    Peer peer{.secure = secure};
    if (from == "unix")
        peer.local = true;
    else if (from != "gone")
        peer.address = make_address(from);
    const auto found = proxies.client_of(peer, headers);
    if (!found) return "wrong";
    return found->name() + (found->proxied ? " proxied" : "") + (found->secure ? " https" : "");
}

constexpr auto xff = ProxyHeader::x_forwarded_for;
constexpr auto rfc = ProxyHeader::forwarded;

TEST(TrustedProxies, name_the_first_from_the_right_that_is_not_one_of_them) {
    const auto told = [](std::string value) {
        return client(xff, "127.0.0.1", {{"x-forwarded-for", value}});
    };
    EXPECT_EQ(told("192.0.2.1"), "192.0.2.1 proxied");
    EXPECT_EQ(told("192.0.2.9, 192.0.2.1, 10.1.1.1"), "192.0.2.1 proxied");
    EXPECT_EQ(told("10.2.2.2, 10.1.1.1"), "10.2.2.2 proxied") << "all trusted: the farthest";
    EXPECT_EQ(told("127.0.0.1, 192.0.2.1"), "192.0.2.1 proxied") << "who wrote it is a client";
    EXPECT_EQ(told("nonsense\", 192.0.2.1"), "192.0.2.1 proxied") << "what a client wrote is not read";
    EXPECT_EQ(told("192.0.2.1, unknown, 10.1.1.1"), "unknown proxied");
    EXPECT_EQ(told(" , 192.0.2.1 ,,"), "192.0.2.1 proxied");
    EXPECT_EQ(told(""), "127.0.0.1");
    EXPECT_EQ(told("nonsense"), "wrong");
    EXPECT_EQ(told("192.0.2.1, nonsense, 10.1.1.1"), "wrong");
    EXPECT_EQ(client(xff, "127.0.0.1", {{"x-forwarded-for", "192.0.2.9"}, {"x-forwarded-for", "192.0.2.1"}}),
              "192.0.2.1 proxied")
        << "a proxy may add a field of its own";
}

TEST(TrustedProxies, are_the_only_ones_that_are_believed_and_by_one_header_only) {
    const wire::Headers both{{"x-forwarded-for", "192.0.2.1"},
                             {"x-forwarded-proto", "https"},
                             {"forwarded", "for=192.0.2.2;proto=https"}};
    EXPECT_EQ(client(xff, "127.0.0.1", both), "192.0.2.1 proxied https");
    EXPECT_EQ(client(rfc, "127.0.0.1", both), "192.0.2.2 proxied https");
    for (const auto header : {ProxyHeader::none, ProxyHeader::proxy_protocol})
        EXPECT_EQ(client(header, "127.0.0.1", both), "127.0.0.1");
    for (const auto* stranger : {"192.0.2.77", "127.0.0.2"})
        for (const auto header : {xff, rfc}) EXPECT_EQ(client(header, stranger, both), stranger);
    EXPECT_EQ(client(xff, "unix", both), "local") << "unix is not in the list";
    EXPECT_EQ(client(xff, "gone", both), "unknown");
    EXPECT_EQ(client(xff, "192.0.2.77", {{"x-forwarded-for", "nonsense"}}), "192.0.2.77");
    const TrustedProxies local{xff, {"unix"}};
    EXPECT_EQ(local.client_of({.local = true}, both)->name(), "192.0.2.1");
    EXPECT_EQ(local.client_of({.address = make_address("127.0.0.1")}, both)->name(), "127.0.0.1");
    EXPECT_FALSE(local.trusts({})) << "who is gone is no local socket";
}

TEST(TrustedProxies, tell_whether_the_client_came_by_https) {
    const auto by = [](std::string value, bool secure = false) {
        return client(xff, "::1", {{"x-forwarded-for", "192.0.2.1"}, {"x-forwarded-proto", value}}, secure);
    };
    EXPECT_EQ(by("HTTPS"), "192.0.2.1 proxied https");
    EXPECT_EQ(by("http", true), "192.0.2.1 proxied") << "to us by TLS, to the proxy not";
    EXPECT_EQ(by("https, http"), "192.0.2.1 proxied") << "the nearest is believed";
    EXPECT_EQ(client(xff, "::1", {{"x-forwarded-for", "192.0.2.1"}}, true), "192.0.2.1 proxied https");
    EXPECT_EQ(client(xff, "::1", {{"x-forwarded-proto", "https"}}), "::1 https");
    EXPECT_EQ(client(rfc, "::1", {{"forwarded", "for=192.0.2.1;proto=https, for=10.0.0.1;proto=http"}}),
              "192.0.2.1 proxied https");
    EXPECT_EQ(client(rfc, "::1", {{"forwarded", "for=192.0.2.1"}}, true), "192.0.2.1 proxied https");
}

TEST(TrustedProxies, a_quote_that_a_client_opened_swallows_nothing) {
    const auto told = [](std::string value) { return client(rfc, "127.0.0.1", {{"forwarded", value}}); };
    EXPECT_EQ(told("for=\"192.0.2.9, for=192.0.2.1"), "192.0.2.1 proxied");
    EXPECT_EQ(told("for=\"x\\\", for=\"192.0.2.1:80\""), "192.0.2.1 proxied");
    EXPECT_EQ(told("for=192.0.2.9, for=192.0.2.1;host=\"a,b\\\"c\", for=10.0.0.1"), "192.0.2.1 proxied");
    EXPECT_EQ(told("for=192.0.2.9, for=192.0.2.1;by=\"[::1]:1\""), "192.0.2.1 proxied");
}

}  // namespace
}  // namespace stepcast::http
