#include "http/cookie_session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>

#include "http/router.hpp"

namespace stepcast::http {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class FixedClock final : public Clock {
  public:
    Timestamp now() const override { return Timestamp{std::chrono::hours{1}}; }
};

/// Every token is ada's and ends in ten minutes, but one.
result<auth::Principal> verify_any(std::string_view token) {
    if (token == "bad") return fail(std::make_error_code(std::errc::permission_denied), {}, "it is bad");
    return auth::Principal{.subject = "ada",
                           .scopes = {.publish = true, .admin = true},
                           .expires = FixedClock{}.now() + std::chrono::minutes{10},
                           .anonymous = false};
}

class SessionTest : public ::testing::Test {
  protected:
    SessionTest() {
        router.add(session_routes(clock));
        const Handler nothing = [](Request&, Context) -> awaitable<Response> { co_return Response{}; };
        router.add({Method::get, "/mine", nothing, {.access = Access::user}});
        router.add({Method::post, "/mine", nothing, {.access = Access::user}});
        router.hold_to(AccessPolicy{verify_any});
    }

    using Fields = std::vector<std::pair<std::string, std::string>>;

    Response ask(Method method, std::string path, const Fields& headers, std::string host = "localhost:8082",
                 bool from_loopback = true, bool secure = false) {
        Request request;
        request.method = method;
        request.path = std::move(path);
        request.headers = {{"host", std::move(host)}};
        request.headers.insert(request.headers.end(), headers.begin(), headers.end());
        if (from_loopback) request.peer.address = asio::ip::address_v4::loopback();
        request.peer.secure = secure;
        auto match = router.route(request);
        if (match.answer) return std::move(*match.answer);
        Response response;
        asio::io_context io;
        // The handlers of this table look at no lane.
        asio::co_spawn(
            io,
            [&]() -> awaitable<void> {
                alignas(8) static char lane[8];
                response =
                    co_await (*match.handler)(request, Context{reinterpret_cast<broadcast::Lane&>(lane)});
            },
            asio::detached);
        io.run();
        return response;
    }

    static std::vector<std::string> cookies_of(const Response& response) {
        std::vector<std::string> cookies;
        for (const auto& [name, value] : response.headers)
            if (name == "Set-Cookie") cookies.push_back(value);
        return cookies;
    }

    FixedClock clock;
    Router router{ServerOptions{}};
};

TEST_F(SessionTest, a_token_is_swapped_for_a_cookie_that_no_script_reads_and_that_ends_with_it) {
    const auto response = ask(Method::post, "/api/session",
                              {{"authorization", "Bearer a.b.c"}, {"origin", "https://shop.example"}},
                              "shop.example", false, true);
    EXPECT_EQ(response.status, 204);
    ASSERT_EQ(cookies_of(response).size(), 1u);
    EXPECT_EQ(cookies_of(response)[0],
              "__Host-stepcast=a.b.c; Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Lax");
}

TEST_F(SessionTest, over_plain_http_only_this_machine_has_a_session) {
    const auto local = ask(Method::post, "/api/session", {{"authorization", "Bearer a.b.c"}});
    EXPECT_EQ(local.status, 204);
    EXPECT_THAT(cookies_of(local).at(0), StartsWith("stepcast=a.b.c; "));
    EXPECT_THAT(cookies_of(local).at(0), HasSubstr("; Secure;"));
    const Fields token{{"authorization", "Bearer a.b.c"}};
    EXPECT_EQ(ask(Method::post, "/api/session", token, "shop.example").code, "insecure");
    EXPECT_EQ(ask(Method::post, "/api/session", token, "localhost", false).code, "insecure");
    for (const auto* origin : {"http://shop.example", "https://shop.example"})
        EXPECT_EQ(ask(Method::post, "/api/session", {{"authorization", "Bearer a.b.c"}, {"origin", origin}},
                      "shop.example")
                      .code,
                  "insecure")
            << "anybody can send an Origin";
}

TEST_F(SessionTest, the_cookie_proves_who_calls_and_a_header_beats_it) {
    const auto with = [&](std::string cookie, bool from_loopback = true, bool secure = false) {
        return ask(Method::get, "/mine", {{"cookie", std::move(cookie)}}, "localhost", from_loopback, secure)
            .status;
    };
    EXPECT_EQ(with("__Host-stepcast=t"), 200);
    EXPECT_EQ(with("a=b; __Host-stepcast=t; c=d", false), 200);
    EXPECT_EQ(with("stepcast=t"), 200);
    EXPECT_EQ(with("stepcast=t", false), 401) << "another site under the domain could have set it";
    EXPECT_EQ(with("__Host-stepcast=t", true, true), 200);
    EXPECT_EQ(with("stepcast=t", true, true), 401) << "what passes TLS on connects from loopback, too";
    for (const auto* none :
         {"", "__Host-stepcast=", "x__Host-stepcast=t", "__Host-stepcastx=t", "__host-stepcast=t"})
        EXPECT_EQ(with(none, false), 401) << none;
    EXPECT_EQ(with("__Host-stepcast=bad"), 401);
    EXPECT_EQ(
        ask(Method::get, "/mine", {{"authorization", "Bearer bad"}, {"cookie", "__Host-stepcast=t"}}).status,
        401);
}

TEST_F(SessionTest, what_a_cookie_changes_must_come_from_a_page_of_ours) {
    const auto post = [&](Fields more) {
        more.emplace_back("cookie", "__Host-stepcast=t");
        return ask(Method::post, "/mine", more, "shop.example", false).status;
    };
    EXPECT_EQ(post({}), 403);
    EXPECT_EQ(post({{"origin", "https://evil.example"}}), 403);
    EXPECT_EQ(post({{"origin", "null"}}), 403);
    EXPECT_EQ(post({{"sec-fetch-site", "cross-site"}}), 403);
    EXPECT_EQ(post({{"origin", "https://shop.example"}}), 200);
    EXPECT_EQ(post({{"sec-fetch-site", "same-origin"}}), 200);
    EXPECT_EQ(post({{"authorization", "Bearer t"}}), 200) << "no browser adds that by itself";
}

TEST_F(SessionTest, a_session_begins_by_a_header_and_ends_without_one) {
    EXPECT_EQ(ask(Method::post, "/api/session", {}).status, 401);
    EXPECT_EQ(ask(Method::post, "/api/session",
                  {{"cookie", "__Host-stepcast=t"}, {"origin", "http://localhost:8082"}})
                  .status,
              400);
    EXPECT_EQ(ask(Method::post, "/api/session", {{"authorization", "Bearer " + std::string(3801, 'x')}}).code,
              "token-too-long");
    const auto end = ask(Method::del, "/api/session", {});
    EXPECT_EQ(end.status, 204);
    EXPECT_THAT(cookies_of(end), testing::ElementsAre(HasSubstr("__Host-stepcast=; Path=/; Max-Age=0;"),
                                                      HasSubstr("stepcast=; Path=/; Max-Age=0;")));
    router.hold_to({});
    EXPECT_EQ(ask(Method::post, "/api/session", {{"authorization", "Bearer t"}}).status, 404);
    EXPECT_EQ(ask(Method::get, "/api/session", {}).code, "auth-off");
}

TEST_F(SessionTest, a_session_tells_whose_it_is_and_until_when) {
    EXPECT_EQ(ask(Method::get, "/api/session", {}).status, 401);
    EXPECT_EQ(ask(Method::get, "/api/session", {{"cookie", "__Host-stepcast=bad"}}).status, 401);
    for (const auto& [name, value] : Fields{{"cookie", "__Host-stepcast=t"}, {"authorization", "Bearer t"}}) {
        const auto response = ask(Method::get, "/api/session", {{name, value}});
        EXPECT_EQ(response.status, 200);
        EXPECT_EQ(response.body,
                  R"({"userId":"ada","expiresAt":"1970-01-01T01:10:00.000Z","scopes":["publish","admin"]})");
    }
}

}  // namespace
}  // namespace stepcast::http
