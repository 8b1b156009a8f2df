#include "wire/response.hpp"

#include <gtest/gtest.h>

namespace stepcast::wire {
namespace {

TEST(ResponseHead, is_written_as_the_handler_and_the_connection_want_it) {
    std::string out;
    append_response_head(out,
                         {.status = 404,
                          .content_length = 12,
                          .date = "Sun, 06 Nov 1994 08:49:37 GMT",
                          .persistence = Persistence::close},
                         {{"Allow", "GET"}});
    EXPECT_EQ(out,
              "HTTP/1.1 404 Not Found\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nX-Content-Type-Options: "
              "nosniff\r\nAllow: "
              "GET\r\nContent-Length: 12\r\n"
              "Connection: close\r\n\r\n");
    out.clear();
    append_response_head(out, {.status = 204, .date = "D"}, {});
    EXPECT_EQ(out, "HTTP/1.1 204 No Content\r\nDate: D\r\nX-Content-Type-Options: nosniff\r\n\r\n");
    out.clear();
    append_response_head(out, {.date = "D", .chunked = true}, {});
    EXPECT_EQ(out,
              "HTTP/1.1 200 OK\r\nDate: D\r\nX-Content-Type-Options: nosniff\r\nTransfer-Encoding: "
              "chunked\r\n\r\n");
}

TEST(ResponseHead, a_value_cannot_begin_another_line) {
    std::string out;
    append_response_head(out, {.content_length = 0, .date = "D", .persistence = Persistence::keep_alive},
                         {{"Location", std::string{"/a\r\nSet-Cookie: x\0\n", 19}}});
    EXPECT_EQ(out,
              "HTTP/1.1 200 OK\r\nDate: D\r\nX-Content-Type-Options: nosniff\r\nLocation: /a  Set-Cookie: x  "
              "\r\nContent-Length: "
              "0\r\nConnection: keep-alive\r\n\r\n");
}

TEST(HttpDate, is_the_form_of_rfc_9110) {
    EXPECT_EQ(format_http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(format_http_date(1709164800), "Thu, 29 Feb 2024 00:00:00 GMT");
}

}  // namespace
}  // namespace stepcast::wire
