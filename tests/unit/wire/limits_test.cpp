#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fmt/format.h>

#include "unit/wire/parse_request.hpp"

namespace stepcast::wire {
namespace {

constexpr Limits small{.request_line = 40, .header_bytes = 60, .headers = 5, .body = 50};

bool accepted(const std::string& script, const Limits& limits = small) {
    const auto result = parse_at_every_cut(script, limits);
    EXPECT_FALSE(result.starts_with("CUT")) << result;
    return result.ends_with('\n');
}

std::string status_of(const std::string& script, const Limits& limits = small) {
    return parse_at_every_cut(script, limits).substr(0, 3);
}

TEST(Limits, request_line_at_limit_minus_one_limit_and_plus_one) {
    const auto line = [](std::size_t size) {
        return "GET /" + std::string(size - 14, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n";
    };
    EXPECT_TRUE(accepted(line(39)));
    EXPECT_TRUE(accepted(line(40)));
    EXPECT_EQ(status_of(line(41)), "414");
    EXPECT_EQ(status_of(std::string(41, 'a')), "414") << "a line that never ends";
    EXPECT_TRUE(parse_all(line(8 * 1024)).ends_with('\n'));
    EXPECT_TRUE(parse_all(line(8 * 1024 + 1)).starts_with("414"));
}

TEST(Limits, header_section_at_limit_minus_one_limit_and_plus_one) {
    const auto section = [](std::size_t size) {  // "Host: a" and its CRLF are 9 bytes, "X: " and CRLF 5
        return "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(size - 14, 'a') + "\r\n\r\n";
    };
    EXPECT_TRUE(accepted(section(59)));
    EXPECT_TRUE(accepted(section(60)));
    EXPECT_EQ(status_of(section(61)), "431");
    EXPECT_EQ(status_of("GET / HTTP/1.1\r\nX: " + std::string(70, 'a')), "431") << "a field that never ends";
    EXPECT_TRUE(parse_all(section(16 * 1024)).ends_with('\n'));
    EXPECT_TRUE(parse_all(section(16 * 1024 + 1)).starts_with("431"));
}

TEST(Limits, header_fields_at_limit_minus_one_limit_and_plus_one) {
    const auto fields = [](std::size_t count) {
        std::string script = "GET / HTTP/1.1\r\nHost: a\r\n";
        for (std::size_t i = 1; i < count; ++i) script += "X: a\r\n";
        return script + "\r\n";
    };
    EXPECT_TRUE(accepted(fields(4)));
    EXPECT_TRUE(accepted(fields(5)));
    EXPECT_EQ(status_of(fields(6)), "431");
    EXPECT_TRUE(parse_all(fields(100)).ends_with('\n'));
    EXPECT_TRUE(parse_all(fields(101)).starts_with("431"));
}

TEST(Limits, query_parameters_at_limit_and_plus_one) {
    const auto query = [](std::size_t count) {
        std::string script = "GET /?";
        for (std::size_t i = 0; i < count; ++i) script += "a&";
        return script + "& HTTP/1.1\r\nHost: a\r\n\r\n";
    };
    EXPECT_TRUE(parse_all(query(100)).ends_with('\n')) << "what stands between two & is no parameter";
    EXPECT_EQ(parse_all(query(101)), "400 malformed-target: more than 100 query parameters");
}

TEST(Limits, a_request_is_held_in_a_few_times_its_bytes) {
    std::string script = "POST /?";
    for (int i = 0; i < 100; ++i) script += "a&";
    script += " HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nbegun";
    const Limits limits;
    RequestParser parser{limits};
    EXPECT_EQ(parser.feed(script), script.size());
    EXPECT_EQ(parser.bytes(), script.size());
    EXPECT_LE(parser.message().body.capacity(), 64u) << "a length is only believed as the bytes come";
    parser.reset();
    EXPECT_EQ(parser.bytes(), 0u);
}

TEST(Limits, body_at_limit_minus_one_limit_and_plus_one) {
    const auto fixed = [](std::size_t size) {
        return fmt::format("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{}", size,
                           std::string(size, 'b'));
    };
    const auto chunked = [](std::size_t first, std::size_t second) {
        return fmt::format(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
            "chunked\r\n\r\n{:x}\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n",
            first, std::string(first, 'b'), second, std::string(second, 'c'));
    };
    EXPECT_TRUE(accepted(fixed(49)));
    EXPECT_TRUE(accepted(fixed(50)));
    EXPECT_EQ(status_of(fixed(51)), "413");
    EXPECT_TRUE(accepted(chunked(20, 29)));
    EXPECT_TRUE(accepted(chunked(20, 30)));
    EXPECT_EQ(status_of(chunked(20, 31)), "413");
    EXPECT_TRUE(parse_all(fixed(1024 * 1024)).ends_with('\n'));
    EXPECT_TRUE(parse_all(fixed(1024 * 1024 + 1)).starts_with("413"));
}

TEST(Limits, chunk_extensions_and_trailers_are_no_way_around) {
    const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    std::string extended = head;
    for (int i = 0; i < 10; ++i) extended += "1;extension\r\na\r\n";
    EXPECT_EQ(status_of(extended + "0\r\n\r\n"), "400");
    EXPECT_EQ(status_of(head + "1;" + std::string(2000, 'a')), "400") << "a size line that never ends";
    EXPECT_EQ(status_of(head + "0\r\nX: " + std::string(56, 'a') + "\r\n\r\n"), "431");
    std::string trailers = head + "0\r\n";
    for (int i = 0; i < 6; ++i) trailers += "X: a\r\n";
    EXPECT_EQ(status_of(trailers + "\r\n"), "431");
}

RC_GTEST_PROP(Limits, any_body_survives_any_chunking, (const std::string& body)) {
    std::string script = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (std::size_t at = 0; at < body.size();) {
        const auto size = *rc::gen::inRange<std::size_t>(1, body.size() - at + 1);
        script += fmt::format("{:x}\r\n{}\r\n", size, body.substr(at, size));
        at += size;
    }
    script += "0\r\n\r\n";
    const Limits limits;
    RequestParser parser{limits};
    for (std::size_t at = 0; at < script.size();) {
        const auto size = *rc::gen::inRange<std::size_t>(1, script.size() - at + 1);
        RC_ASSERT(parser.feed(std::string_view{script}.substr(at, size)) == size);
        at += size;
    }
    RC_ASSERT(parser.state() == RequestParser::State::done);
    RC_ASSERT(parser.message().body == body);
}

}  // namespace
}  // namespace stepcast::wire
