#include "client/response_parser.hpp"

#include <gtest/gtest.h>

#include "client/errc.hpp"

namespace stepcast::client {
namespace {

using Step = ResponseParser::Step;

struct Outcome {
    int status = 0;
    std::string body;
    std::string rest;
    Step last = Step::need_more;
    bool keep_alive = false;
};

/// Feeds `bytes` in pieces of `piece` bytes, then closes.
Outcome feed(std::string_view bytes, std::size_t piece, bool to_head_request = false) {
    ResponseParser parser;
    parser.next(to_head_request);
    Outcome out;
    while (true) {
        std::string_view input = bytes.substr(0, piece);
        bytes.remove_prefix(input.size());
        const bool closed = input.empty();
        do {
            out.last = parser.resume(input);
            if (out.last == Step::need_more && closed) out.last = parser.finish();
            if (out.last == Step::head) out.status = parser.head().status;
            if (out.last == Step::body) out.body.append(parser.body());
        } while (out.last == Step::head || out.last == Step::body);
        if (out.last == Step::end || out.last == Step::error || closed) {
            out.rest = std::string{input} + std::string{bytes};
            out.keep_alive = parser.keep_alive();
            return out;
        }
    }
}

void expect_at_every_cut(std::string_view bytes, int status, std::string_view body, std::string_view rest) {
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
        const auto out = feed(bytes, piece);
        EXPECT_EQ(out.last, Step::end) << piece;
        EXPECT_EQ(out.status, status) << piece;
        EXPECT_EQ(out.body, body) << piece;
        EXPECT_EQ(out.rest, rest) << piece;
    }
}

TEST(ResponseParser, reads_a_counted_body_at_every_cut) {
    expect_at_every_cut("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhelloHTTP/1.1", 200, "hello",
                        "HTTP/1.1");
}

TEST(ResponseParser, reads_chunks_extensions_and_trailers_at_every_cut) {
    expect_at_every_cut(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: "
        "v\r\n\r\nnext",
        200, "abc0123456789", "next");
}

TEST(ResponseParser, reads_until_the_close_without_a_length) {
    expect_at_every_cut("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it", 200, "all of it", "");
    EXPECT_FALSE(feed("HTTP/1.1 200 OK\r\n\r\nx", 100).keep_alive);
}

TEST(ResponseParser, skips_interim_responses) {
    expect_at_every_cut("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
                        202, "", "");
}

TEST(ResponseParser, expects_no_body_after_204_304_and_head) {
    EXPECT_EQ(feed("HTTP/1.1 204 No Content\r\n\r\nrest", 100).rest, "rest");
    EXPECT_EQ(feed("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\nrest", 100).rest, "rest");
    EXPECT_EQ(feed("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nrest", 100, true).rest, "rest");
}

TEST(ResponseParser, knows_whether_the_connection_lives_on) {
    EXPECT_TRUE(feed("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 100).keep_alive);
    EXPECT_FALSE(feed("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 100).keep_alive);
    EXPECT_FALSE(feed("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 100).keep_alive);
}

TEST(ResponseParser, a_close_inside_an_answer_is_an_error) {
    for (const char* bytes : {"HTTP/1.1 20", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
                              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab"}) {
        EXPECT_EQ(feed(bytes, 1).last, Step::error) << bytes;
    }
}

TEST(ResponseParser, refuses_what_is_not_http) {
    for (const char* bytes :
         {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\n: x\r\n\r\n",
          "HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n"}) {
        EXPECT_EQ(feed(bytes, 1).last, Step::error) << bytes;
        EXPECT_EQ(feed(bytes, 1000).last, Step::error) << bytes;
    }
}

TEST(ResponseParser, bounds_the_header_section) {
    EXPECT_EQ(feed("HTTP/1.1 200 OK\r\nX: " + std::string(ResponseParser::max_head, 'a'), 4096).last,
              Step::error);
}

}  // namespace
}  // namespace stepcast::client
