#include "http/proxy_protocol.hpp"

#include <gtest/gtest.h>

#include "unit/http/raw_client.hpp"
#include "unit/http/running_server.hpp"

namespace stepcast::http {
namespace {

using namespace std::chrono_literals;
using State = ProxyProtocol::State;

/// "address https?", "own", or "wrong"; then "+" and how many bytes behind the header were left alone. The
/// same for every cut.
std::string told(std::string_view bytes) {
    const auto say = [&](const ProxyProtocol& parser, std::size_t taken) {
        std::string text = "reading";
        if (parser.state() == State::failed) return std::string{"wrong"};
        if (parser.state() == State::done) {
            const auto& header = parser.origin();
            text = header.own ? "own" : header.source ? header.source->to_string() : "-";
            if (header.secure) text += " https";
        }
        return text + "+" + std::to_string(bytes.size() - taken);
    };
    ProxyProtocol whole;
    const std::string at_once = say(whole, whole.feed(bytes));
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        ProxyProtocol parser;
        std::size_t taken = parser.feed(bytes.substr(0, cut));
        if (taken == cut) taken += parser.feed(bytes.substr(cut));
        EXPECT_EQ(say(parser, taken), at_once) << "cut at " << cut;
    }
    return at_once;
}

std::string binary(int command, int family, std::string_view body) {
    std::string header{"\r\n\r\n\0\r\nQUIT\n", 12};
    header += static_cast<char>(command);
    header += static_cast<char>(family);
    header += static_cast<char>(body.size() >> 8);
    header += static_cast<char>(body.size());
    return header.append(body);
}

const std::string tcp4{"\xC0\x00\x02\x01\x0A\x00\x00\x01\x04\xD2\x01\xBB", 12};
const std::string tcp6 = std::string{"\x20\x01\x0D\xB8", 4} + std::string(11, '\0') + '\x01' +
                         std::string(16, '\0') + std::string(4, '\0');
const std::string tls{"\x20\x00\x05\x01\x00\x00\x00\x00", 8};
const std::string no_tls{"\x20\x00\x05\x00\x00\x00\x00\x00", 8};

TEST(ProxyProtocol, version_1_is_a_line) {
    EXPECT_EQ(told("PROXY TCP4 192.0.2.1 192.0.2.2 1234 443\r\nGET"), "192.0.2.1+3");
    EXPECT_EQ(told("PROXY TCP6 2001:db8::1 ::1 0 65535\r\n"), "2001:db8::1+0");
    EXPECT_EQ(told("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"), "192.0.2.1+0");
    EXPECT_EQ(told("PROXY UNKNOWN\r\nGET"), "-+3");
    EXPECT_EQ(told("PROXY UNKNOWN ff:: anything 1\r\n"), "-+0");
    EXPECT_EQ(told("PROXY TCP4 192.0.2.1"), "reading+0");
    for (const auto* wrong :
         {"PROXY TCP4 192.0.2.1 192.0.2.2 1234 443\n", "PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
          "PROXY TCP4 192.0.2.1 192.0.2.2 1234\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
          "PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
          "PROXY TCP4 ::1 ::1 1 2\r\n", "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
          "PROXY TCP4 host 192.0.2.2 1 2\r\n", "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
          "PROXY tcp4 192.0.2.1 192.0.2.2 1 2\r\n", "GET / HTTP/1.1\r\n",
          "proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "\r\nPROXY UNKNOWN\r\n"})
        EXPECT_EQ(told(wrong), "wrong") << wrong;
    EXPECT_EQ(told("PROXY UNKNOWN " + std::string(91, 'x') + "\r\n"), "-+0");
    EXPECT_EQ(told("PROXY UNKNOWN " + std::string(92, 'x') + "\r\n"), "wrong");
}

TEST(ProxyProtocol, version_2_is_binary_and_may_tell_of_tls) {
    EXPECT_EQ(told(binary(0x21, 0x11, tcp4) + "GET"), "192.0.2.1+3");
    EXPECT_EQ(told(binary(0x21, 0x21, tcp6)), "2001:db8::1+0");
    EXPECT_EQ(told(binary(0x21, 0x11, tcp4 + tls)), "192.0.2.1 https+0");
    EXPECT_EQ(told(binary(0x21, 0x11, tcp4 + std::string{"\x03\x00\x04....", 7} + tls)), "192.0.2.1 https+0");
    EXPECT_EQ(told(binary(0x21, 0x11, tcp4 + no_tls)), "192.0.2.1+0");
    EXPECT_EQ(told(binary(0x21, 0x31, std::string(216, 'x'))), "-+0");
    EXPECT_EQ(told(binary(0x21, 0x00, "")), "-+0");
    EXPECT_EQ(told(binary(0x20, 0x00, "")), "own+0");
    EXPECT_EQ(told(binary(0x20, 0x11, tcp4)), "own+0") << "what follows is passed over";
    EXPECT_EQ(told(binary(0x21, 0x11, tcp4).substr(0, 20)), "reading+0");
    for (const auto& wrong :
         {binary(0x11, 0x11, tcp4), binary(0x22, 0x11, tcp4), binary(0x21, 0x12, tcp4),
          binary(0x21, 0x11, "short"), binary(0x21, 0x21, tcp4), binary(0x21, 0x31, tcp6),
          binary(0x21, 0x11, tcp4 + tls.substr(0, 7)), binary(0x21, 0x11, tcp4 + tls.substr(0, 2)),
          binary(0x21, 0x11, tcp4 + std::string{"\x20\x00\x01\x01", 4}),
          binary(0x21, 0x11, std::string(ProxyProtocol::most_bytes, '\0'))})
        EXPECT_EQ(told(wrong), "wrong");
}

std::vector<Route> who() {
    return {{Method::get,
             "/who",
             [](Request& request, Context) -> awaitable<Response> {
                 Response response;
                 response.body = request.peer.name() + (request.peer.secure ? " https" : "") +
                                 (request.is_local() ? " here" : "");
                 co_return response;
             },
             {.access = Access::open}}};
}

ServerOptions behind(std::string proxy) {
    ServerOptions options;
    options.proxies = TrustedProxies{ProxyHeader::proxy_protocol, {std::move(proxy)}};
    options.header_timeout = 300ms;
    return options;
}

TEST(ProxiedConnection, begins_with_whom_a_trusted_proxy_names) {
    RunningServer server{who(), behind("127.0.0.1")};
    RawClient client{server.port()};
    const std::string header = binary(0x21, 0x11, tcp4 + tls);
    for (const char c : header) client.send({&c, 1});
    EXPECT_EQ(client.ask(get("/who"))->body, "192.0.2.1 https");
    EXPECT_EQ(client.ask(get("/who", "X-Forwarded-For: 192.0.2.9\r\nForwarded: for=192.0.2.9\r\n"))->body,
              "192.0.2.1 https")
        << "no other header is believed";
    RawClient together{server.port()};
    EXPECT_EQ(together.ask("PROXY TCP6 2001:db8::1 ::1 1 2\r\n" + get("/who"))->body, "2001:db8::1");
    RawClient loopback{server.port()};
    EXPECT_EQ(loopback.ask("PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n" + get("/who"))->body, "127.0.0.1")
        << "who comes by a proxy is not of this machine";
    RawClient own{server.port()};
    EXPECT_EQ(own.ask(binary(0x20, 0, "") + get("/who"))->body, "127.0.0.1 here");
}

TEST(ProxiedConnection, that_begins_otherwise_is_told_so_and_closed) {
    RunningServer server{who(), behind("127.0.0.1")};
    for (const auto& wrong :
         {get("/who"), std::string{"PROXY nonsense\r\n"}, binary(0x21, 0x11, "") + get("/who")}) {
        RawClient client{server.port()};
        const auto answer = client.ask(wrong);
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->status, 400);
        EXPECT_NE(answer->body.find("malformed-proxy-header"), std::string::npos) << answer->body;
        EXPECT_TRUE(client.closed());
    }
}

TEST(ProxiedConnection, must_say_for_whom_within_the_headers_deadline) {
    RunningServer server{who(), behind("127.0.0.1")};
    RawClient silent{server.port()}, slow{server.port()};
    slow.send("PROXY TCP4 192.0");
    EXPECT_TRUE(silent.closed());
    EXPECT_TRUE(slow.closed());
}

TEST(ProxiedConnection, of_a_stranger_may_not_say_that_it_is_one) {
    RunningServer server{who(), behind("10.0.0.0/8")};
    for (const auto& header :
         {std::string{"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n"}, binary(0x21, 0x11, tcp4)}) {
        RawClient client{server.port()};
        client.send(header + get("/who"));
        EXPECT_EQ(client.rest(), "");
    }
    RawClient plain{server.port()};
    EXPECT_EQ(plain.ask(get("/who"))->body, "127.0.0.1 here");
}

TEST(ProxiedRequest, names_who_asks_and_a_header_that_names_nobody_is_refused) {
    ServerOptions options;
    options.proxies = TrustedProxies{ProxyHeader::forwarded, {"127.0.0.0/8"}};
    options.hsts = 1h;
    RunningServer server{who(), options};
    RawClient client{server.port()};
    const auto answer = client.ask(get("/who", "Forwarded: for=192.0.2.1;proto=https\r\n"));
    EXPECT_EQ(answer->body, "192.0.2.1 https");
    EXPECT_EQ(answer->headers.at("strict-transport-security"), "max-age=3600");
    const auto plain = client.ask(get("/who", "Forwarded: for=\"[2001:db8::1]\"\r\n"));
    EXPECT_EQ(plain->body, "2001:db8::1");
    EXPECT_EQ(plain->headers.count("strict-transport-security"), 0u);
    EXPECT_EQ(client.ask(get("/who"))->body, "127.0.0.1 here");
    EXPECT_EQ(client.ask(get("/who", "Forwarded: for=127.0.0.1\r\n"))->body, "127.0.0.1");
    const auto wrong = client.ask(get("/who", "Forwarded: nonsense\r\n"));
    EXPECT_EQ(wrong->status, 400);
    EXPECT_NE(wrong->body.find("malformed-proxy-header"), std::string::npos);
    EXPECT_TRUE(client.closed());
}

}  // namespace
}  // namespace stepcast::http
