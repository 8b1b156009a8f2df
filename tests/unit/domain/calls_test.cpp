#include "domain/calls.hpp"

#include <gtest/gtest.h>

namespace stepcast::domain {
namespace {

http::Request post(std::string path, std::string body, std::string key) {
    http::Request request;
    request.method = http::Method::post;
    request.path = std::move(path);
    request.body = std::move(body);
    request.headers = {{"idempotency-key", std::move(key)}};
    return request;
}

TEST(KeyedCall, is_one_of_its_caller_its_route_and_its_key) {
    const auto call = [](http::Request request, std::string_view route) {
        return keyed_call(request, route)->value();
    };
    const auto first = call(post("/a/1", "{}", "k"), "/a/{id}");
    EXPECT_EQ(call(post("/a/1", "{}", "k"), "/a/{id}").id, first.id);
    EXPECT_EQ(call(post("/a/1", "{}", "k"), "/a/{id}").asks_for, first.asks_for);
    EXPECT_NE(call(post("/a/1", "{ }", "k"), "/a/{id}").asks_for, first.asks_for);
    EXPECT_NE(call(post("/a/2", "{}", "k"), "/a/{id}").asks_for, first.asks_for);
    EXPECT_NE(call(post("/a/1", "{}", "K"), "/a/{id}").id, first.id);
    EXPECT_NE(call(post("/a/1", "{}", "k"), "/b/{id}").id, first.id);
    auto of_ada = post("/a/1", "{}", "k");
    of_ada.principal.subject = "ada";
    EXPECT_NE(call(of_ada, "/a/{id}").id, first.id);
    EXPECT_FALSE(*keyed_call(http::Request{}, "/a/{id}"));
    for (const auto& wrong : {std::string{}, std::string{"a b"}, std::string{"é"}, std::string(256, 'k')})
        EXPECT_EQ(keyed_call(post("/a/1", "", wrong), "/a").error().status, 400) << wrong;
}

TEST(ExpectedVersion, is_that_of_one_etag) {
    const auto of = [](std::string value) {
        http::Request request;
        request.headers = {{"if-match", std::move(value)}};
        return expected_version(request);
    };
    EXPECT_EQ(*of("\"v7\""), 7u);
    EXPECT_EQ(*of("\"v0\""), 0u);
    EXPECT_FALSE(*of("*"));
    EXPECT_FALSE(*expected_version(http::Request{}));
    for (const auto* wrong : {"", "7", "v7", "\"7\"", "\"v\"", "\"v-1\"", "W/\"v7\"", "\"v1\", \"v2\""})
        EXPECT_EQ(of(wrong).error().status, 400) << wrong;
    EXPECT_NE(wrong_version(3, 4).body.find(R"("expected":3,"actual":4})"), std::string::npos);
}

TEST(Answer, comes_back_as_it_was) {
    const Answer answer{.status = 201, .body = "{\"a\":\"b\\n\"}\n", .location = "/x/%0A", .version = 9};
    const auto read = read_answer(to_text(answer)).value();
    EXPECT_EQ(read.status, 201);
    EXPECT_EQ(read.body, answer.body);
    EXPECT_EQ(read.location, answer.location);
    EXPECT_EQ(read.version, 9u);
    EXPECT_FALSE(read_answer("x"));
    const auto response = answer_for({answer, 5, true});
    EXPECT_EQ(response.status, 201);
    const auto has = [&](std::string_view name, std::string_view value) {
        return std::ranges::find(response.headers, std::pair{std::string{name}, std::string{value}}) !=
               response.headers.end();
    };
    EXPECT_TRUE(has("Stepcast-Position", "5"));
    EXPECT_TRUE(has("ETag", "\"v9\""));
    EXPECT_TRUE(has("Idempotency-Replayed", "true"));
}

}  // namespace
}  // namespace stepcast::domain
