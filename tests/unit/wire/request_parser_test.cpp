#include "wire/request_parser.hpp"

#include <gtest/gtest.h>

#include <string>

#include "unit/wire/parse_request.hpp"

namespace stepcast::wire {
namespace {

using namespace std::string_literals;

struct Good {
    std::string script;
    std::string result;
};

TEST(RequestParser, reads_the_same_request_for_every_cut) {
    const Good scripts[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / 1.1 keep [host: a] body=\n"},
        {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / 1.1 keep [host: a] body=\n"},
        {"GET /a HTTP/1.0\r\n\r\n", "GET /a 1.0 close body=\n"},
        {"GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
         "GET /a 1.0 keep [connection: Keep-Alive] body=\n"},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: te, CLOSE\r\n\r\n",
         "GET / 1.1 close [host: a] [connection: te, CLOSE] body=\n"},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
         "GET / 1.1 close [host: a] [connection: keep-alive] [connection: close] body=\n"},
        {"GET / HTTP/1.7\r\nHost: a\r\n\r\n", "GET / 1.1 keep [host: a] body=\n"},
        {"GET / HTTP/1.1\r\nHOST:[::1]:8082\r\nX-Empty:\r\nX-Text: \t a b\tc \t\r\n\r\n",
         "GET / 1.1 keep [host: [::1]:8082] [x-empty: ] [x-text: a b\tc] body=\n"},
        {"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
         "POST /p 1.1 keep [host: a] [content-length: 5] body=hello\n"},
        {"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 005\r\n\r\nhello",
         "POST /p 1.1 keep [host: a] [content-length: 005] body=hello\n"},
        {"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
         "POST /p 1.1 keep [host: a] [content-length: 0] body=\n"},
        {"POST /p HTTP/1.1\r\nHost: a\r\n\r\n", "POST /p 1.1 keep [host: a] body=\n"},
        {"DELETE /p HTTP/1.1\r\nHost: a\r\n\r\n", "DELETE /p 1.1 keep [host: a] body=\n"},
        {"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n00A;x;y=1 ; z = "
         "\"q;\\\"\"\r\n0123456789\r\n0\r\n\r\n",
         "POST /p 1.1 keep [host: a] [transfer-encoding: Chunked] body=abc0123456789\n"},
        {"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n\n\r\n0\r\nX-Sum: 1\r\nY: "
         "2\r\n\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\n",
         "POST /p 1.1 keep [host: a] [transfer-encoding: chunked] body=\n\nGET / 1.1 keep [host: b] body=\n"},
        {"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiGET / HTTP/1.1\r\nHost: a\r\n\r\nHEAD / "
         "HTTP/1.1\r\nHost: a\r\n\r\nPUT",
         "POST /p 1.1 keep [host: a] [content-length: 2] body=hi\nGET / 1.1 keep [host: a] body=\nHEAD / 1.1 "
         "keep [host: a] body=\nunfinished head"},
        {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * 1.1 keep [host: a] body=\n"},
        {"GET http://other:81/x?y=1 HTTP/1.1\r\nHost: a\r\n\r\n",
         "GET /x ?y=1 1.1 keep [host: other:81] body=\n"},
        {"GET HTTP://other HTTP/1.0\r\n\r\n", "GET / 1.0 close [host: other] body=\n"},
        {"GET http://other?q HTTP/1.1\r\nHost: a\r\n\r\n", "GET / ?q= 1.1 keep [host: other] body=\n"},
        {"GET /%EB%85%B8/a%2Fb/%2f+ HTTP/1.1\r\nHost: a\r\n\r\n",
         "GET /노/a/b//+ /6 /9 1.1 keep [host: a] body=\n"},
        {"GET /p?userId=%ea%b0%80&productName=노트북&a+b=c+%2B&&x&=y&e==& HTTP/1.1\r\nHost: a\r\n\r\n",
         "GET /p ?userId=가 ?productName=노트북 ?a b=c + ?x= ?=y ?e== 1.1 keep [host: a] body=\n"},
        {"PATCH /? HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n",
         "unfinished body"},
        {"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
         "POST / 1.0 close [expect: 100-continue] [content-length: 1] body=x\n"},
    };
    for (const auto& [script, result] : scripts) EXPECT_EQ(parse_at_every_cut(script), result) << script;
}

TEST(RequestParser, bytes_beyond_ascii_in_a_header_are_opaque) {
    for (const std::string value : {"J\xFCrgen", "J\xC3\xBCrgen", "\xFF\xFE", "\x80"}) {
        const std::string script = "GET / HTTP/1.1\r\nHost: a\r\nRemote-User: " + value + "\r\n\r\n";
        EXPECT_NE(parse_at_every_cut(script).find("[remote-user: " + value + "]"), std::string::npos);
    }
}

TEST(RequestParser, refuses_every_framing_doubt_the_same_for_every_cut) {
    const auto with = [](const std::string& lines) { return "POST /p HTTP/1.1\r\nHost: a\r\n" + lines; };
    const auto chunked = [&](const std::string& body) {
        return with("Transfer-Encoding: chunked\r\n\r\n" + body);
    };
    const std::string scripts[] = {
        with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
        with("Content-Length: 5\r\nContent-Length: 5\r\n\r\n"),
        with("Content-Length: 5, 5\r\n\r\n"),
        with("Content-Length: +5\r\n\r\n"),
        with("Content-Length: -5\r\n\r\n"),
        with("Content-Length: 5 5\r\n\r\n"),
        with("Content-Length: 0x5\r\n\r\n"),
        with("Content-Length:\r\n\r\n"),
        with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
        with("Transfer-Encoding: chunked, chunked\r\n\r\n"),
        with("Transfer-Encoding: chunked, gzip\r\n\r\n"),
        with("Transfer-Encoding: ,chunked\r\n\r\n"),
        with("Transfer-Encoding: xchunked\r\n\r\n"),
        with("Transfer-Encoding: identity\r\n\r\n"),
        with("Transfer-Encoding:\r\n\r\n"),
        "POST /p HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        with("X: a\n\r\n"),
        with("X: a\r\n\n"),
        with("X: a\rb\r\n\r\n"),
        with("X: a\r\r\n\r\n"),
        with("X: a\r\n folded\r\n\r\n"),
        with("X: a\r\n\tfolded\r\n\r\n"),
        with(" X: a\r\n\r\n"),
        with("X : a\r\n\r\n"),
        with("X\t: a\r\n\r\n"),
        with(": a\r\n\r\n"),
        with("no colon\r\n\r\n"),
        with("X(: a\r\n\r\n"),
        with("X: a\0b\r\n\r\n"s),
        with("X\0: a\r\n\r\n"s),
        with("X: \x01\r\n\r\n"),
        with("X: \x7F\r\n\r\n"),
        with("Host: \xC3\xBC\r\n\r\n"),
        with("X\xC3: a\r\n\r\n"),
        chunked("\r\nabc"),
        chunked("g\r\n"),
        chunked("-1\r\n"),
        chunked("+1\r\na\r\n"),
        chunked("0x1\r\na\r\n"),
        chunked(" 1\r\na\r\n"),
        chunked("1 \r\na\r\n"),
        chunked("1\na\r\n"),
        chunked("1\r\na\n"),
        chunked("1\r\nab\r\n"),
        chunked("1;\r\na\r\n"),
        chunked("1;=x\r\na\r\n"),
        chunked("1;a=\r\na\r\n"),
        chunked("1;a=\"b\r\na\r\n"),
        chunked("1;a=\"b\"c\r\na\r\n"),
        chunked("1 a\r\na\r\n"),
        chunked("1;a\0\r\na\r\n"s),
        chunked("1;a=\"\rb\"\r\na\r\n"),
        chunked("0\r\nbad trailer\r\n\r\n"),
        chunked("0\r\nX: a\n\r\n"),
        chunked("0\r\n X: a\r\n\r\n"),
        chunked("0\r\n\n"),
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a,b\r\nX\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a:x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: :80\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: [zz]\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a%2\r\n\r\n",
        "GET http://u@other/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET ftp://other/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET other HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS *a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /#f HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /% HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /?a=%0a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /?a=%7F HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /%ff HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /?%c0%af HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /?a=\xEB\x85 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /?a=%EB%85&b=%B8 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\r\nHost: a\r\n\r\n",
        "GET\r\nHost: a\r\n\r\n",
        "GET / http/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.10\r\nHost: a\r\n\r\n",
        "GET / HTTP/11\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
        " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\x16\x03\x01\x02",
        "{}",
    };
    for (const auto& script : scripts) {
        const auto result = parse_at_every_cut(script);
        EXPECT_TRUE(result.starts_with("400 ")) << script << " -> " << result;
    }
}

TEST(RequestParser, refuses_what_it_does_not_know_with_the_status_that_says_so) {
    const std::pair<std::string, std::string> scripts[] = {
        {"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", "501 unknown-method"},
        {"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", "501 unknown-method"},
        {"get / HTTP/1.1\r\nHost: a\r\n\r\n", "501 unknown-method"},
        {"PRI * HTTP/2.0\r\n\r\n", "505 unsupported-version"},
        {"GET / HTTP/0.9\r\n\r\n", "505 unsupported-version"},
        {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", "417 expectation-failed"},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
         "501 unknown-transfer-coding"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999999\r\n\r\n",
         "413 body-too-large"},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
         "413 body-too-large"},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nffffffffffffffff\r\n",
         "413 body-too-large"},
    };
    for (const auto& [script, result] : scripts)
        EXPECT_TRUE(parse_at_every_cut(script).starts_with(result)) << script;
}

TEST(RequestParser, an_empty_line_does_not_begin_a_request) {
    const Limits limits;
    RequestParser parser{limits};
    for (const auto* before : {"", "\r", "\n"}) {
        parser.feed(before);
        EXPECT_FALSE(parser.started());
    }
    parser.feed("G");
    EXPECT_TRUE(parser.started());
    parser.feed("ET / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(parser.state(), RequestParser::State::done);
    EXPECT_TRUE(parser.started());
    parser.reset();
    parser.feed("\r\n");
    EXPECT_FALSE(parser.started());
    parser.feed("\r");
    EXPECT_TRUE(parser.started()) << "a second one is refused";
    RequestParser at_once{limits};
    at_once.feed("\r\nG");
    EXPECT_TRUE(at_once.started());
}

TEST(RequestParser, asks_for_continue_only_while_the_client_waits) {
    const std::string head =
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    const Limits limits;
    RequestParser parser{limits};
    for (std::size_t i = 0; i < head.size(); ++i) {
        EXPECT_FALSE(parser.wants_continue());
        parser.feed(std::string_view{head}.substr(i, 1));
    }
    EXPECT_TRUE(parser.wants_continue());
    parser.feed("x");
    EXPECT_FALSE(parser.wants_continue());
    RequestParser eager{limits};
    eager.feed(head + "x");
    EXPECT_FALSE(eager.wants_continue());
    RequestParser empty{limits};
    empty.feed("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(empty.state(), RequestParser::State::done);
    EXPECT_FALSE(empty.wants_continue());
}

}  // namespace
}  // namespace stepcast::wire
