#include "http/conditions.hpp"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "event/json.hpp"

namespace stepcast::http {
namespace {

Request with_header(std::string name, std::string value) {
    Request request;
    request.headers.emplace_back(std::move(name), std::move(value));
    return request;
}

TEST(NotModified, compares_weakly_and_reads_lists) {
    for (const auto* same : {"\"v7\"", "W/\"v7\"", "*", "\"v6\", \"v7\"", "\"a,b\",W/\"v7\""}) {
        EXPECT_TRUE(not_modified(with_header("if-none-match", same), "\"v7\"")) << same;
        EXPECT_TRUE(not_modified(with_header("if-none-match", same), "W/\"v7\"")) << same;
    }
    for (const auto* other : {"", "\"v6\"", "v7", "\"v7", "\"v77\"", "\"x\"v7\"y\""})
        EXPECT_FALSE(not_modified(with_header("if-none-match", other), "\"v7\"")) << other;
    EXPECT_FALSE(not_modified(Request{}, "\"v7\""));
}

TEST(JsonBody, curls_default_type_passes_only_without_origin_and_cookie) {
    EXPECT_FALSE(refuse_unless_json(with_header("content-type", "application/json")));
    EXPECT_FALSE(refuse_unless_json(with_header("content-type", "Application/JSON; charset=utf-8")));
    for (const std::string type : {"application/x-www-form-urlencoded", ""}) {
        auto request = with_header("content-type", type);
        EXPECT_FALSE(refuse_unless_json(request));
        for (const auto* header : {"origin", "cookie"}) {
            auto from_page = request;
            from_page.headers.emplace_back(header, "x");
            EXPECT_EQ(refuse_unless_json(from_page)->status, 415);
        }
    }
    EXPECT_FALSE(refuse_unless_json(Request{}));
    for (const auto* type : {"text/plain", "multipart/form-data", "application/jsonx", "application/"})
        EXPECT_EQ(refuse_unless_json(with_header("content-type", type))->status, 415) << type;
}

TEST(JsonBody, no_other_charset_than_utf_8_is_taken) {
    for (const std::string type : {"application/json", "application/x-www-form-urlencoded"}) {
        for (const auto* good :
             {"; charset=utf-8", ";charset=\"UTF-8\"", "; a=b; Charset=utf-8", "; a=utf-16", ";"})
            EXPECT_FALSE(refuse_unless_json(with_header("content-type", type + good))) << good;
        for (const auto* bad : {"; charset=utf-16", ";charset=\"latin1\"", "; a=b;CHARSET=euc-kr"}) {
            const auto refusal = refuse_unless_json(with_header("content-type", type + bad));
            ASSERT_TRUE(refusal) << bad;
            EXPECT_EQ(refusal->status, 415);
            EXPECT_EQ(refusal->code, "unsupported-media-type");
        }
    }
}

TEST(CodedBody, only_identity_is_read) {
    EXPECT_FALSE(refuse_coded(Request{}));
    for (const auto* plain : {"", "identity", "Identity", "identity, identity"})
        EXPECT_FALSE(refuse_coded(with_header("content-encoding", plain))) << plain;
    for (const auto* coded : {"gzip", "identity, br", "x"}) {
        const auto refusal = refuse_coded(with_header("content-encoding", coded));
        ASSERT_TRUE(refusal) << coded;
        EXPECT_EQ(refusal->status, 415);
        EXPECT_EQ(refusal->code, "unsupported-media-type");
    }
    auto two = with_header("content-encoding", "identity");
    two.headers.emplace_back("content-encoding", "gzip");
    EXPECT_TRUE(refuse_coded(two));
}

TEST(Problem, is_json_whatever_the_words) {
    const auto response = Response::problem(404, "unknown-task", "no task \"a\\b\"\n", "taskId");
    const auto body = event::parse_json(response.body).value();
    EXPECT_EQ(body.at("status").as_int64(), 404);
    EXPECT_EQ(body.at("title").as_string(), "Not Found");
    EXPECT_EQ(body.at("detail").as_string(), "taskId: no task \"a\\b\"\n");
    EXPECT_EQ(body.at("field").as_string(), "taskId");
    EXPECT_EQ(body.at("type").as_string(), "about:blank");
}

TEST(Problem, its_detail_names_the_field_the_same_way_everywhere) {
    const auto detail_of = [](const Response& response) {
        return std::string{event::parse_json(response.body).value().at("detail").as_string()};
    };
    EXPECT_EQ(detail_of(Response::invalid_field("userId", "is required")), "userId: is required");
    EXPECT_EQ(detail_of(Response::problem(503, "busy", "too much")), "too much");
}

TEST(Problem, carries_the_trace_of_its_request_and_nothing_that_is_none) {
    const std::string id = "0af7651916cd43dd8448eb211c80319c", rest = "-b7ad6b7169203331-01";
    const auto trace_of = [](const Request& request) -> std::string {
        auto problem = Response::problem(404, "unknown-task", "no such task");
        problem.name_trace(request);
        const auto body = event::parse_json(problem.body).value().as_object();
        return body.contains("traceId") ? std::string{body.at("traceId").as_string()} : "(none)";
    };
    EXPECT_EQ(trace_of(with_header("traceparent", "00-" + id + rest)), id);
    EXPECT_EQ(trace_of(with_header("traceparent", "01-" + id + rest + "-more")), id);
    EXPECT_EQ(trace_of(Request{}), "(none)");
    for (const std::string& bad :
         {std::string{}, id, "00-" + id, "ff-" + id + rest, "00-" + id + rest + "-more",
          "01-" + id + rest + "x", "00-" + std::string(32, '0') + rest, "00-" + id + "-0000000000000000-01",
          "00-0AF7651916CD43DD8448EB211C80319C" + rest, "0g-" + id + rest,
          "00-" + id + "-b7ad6b7169203331-0\""})
        EXPECT_EQ(trace_of(with_header("traceparent", bad)), "(none)") << bad;
    auto twice = with_header("traceparent", "00-" + id + rest);
    twice.headers.push_back(twice.headers.front());
    EXPECT_EQ(trace_of(twice), "(none)");
    auto fine = Response::json("{}");
    fine.name_trace(with_header("traceparent", "00-" + id + rest));
    EXPECT_EQ(fine.body, "{}");
}

TEST(Conditions, gzip_goes_to_who_takes_it_and_does_not_like_plain_bytes_better) {
    for (const auto* wants :
         {"gzip", "GZIP", "x-gzip", "br, gzip;q=0.1", "*", "br;q=1.0, *;q=0.001", "gzip;q=1.000",
          "identity;q=0.5, gzip", "gzip, identity", "identity;q=0, *", "deflate , gzip ; q=0.5"})
        EXPECT_TRUE(prefers_gzip(with_header("accept-encoding", wants))) << wants;
    for (const auto* refuses :
         {"", "identity", "br", "gzip;q=0", "gzip;q=0.000", "*;q=0", "gzip;q=0, *", "gzip;q=x",
          "gzip;q=0.5, identity", "gzip;q=0.5, *", "gzip;q=-1", "gzip;q=2", "gzip;q=1.0000", "zgzip"})
        EXPECT_FALSE(prefers_gzip(with_header("accept-encoding", refuses))) << refuses;
    EXPECT_FALSE(prefers_gzip(Request{}));
    Request two = with_header("accept-encoding", "br");
    two.headers.emplace_back("accept-encoding", "gzip");
    EXPECT_TRUE(prefers_gzip(two));
}

}  // namespace
}  // namespace stepcast::http
