#include "http/access.hpp"

#include <gtest/gtest.h>

#include "auth/errc.hpp"
#include "http/router.hpp"

namespace stepcast::http {
namespace {

Handler nothing() {
    return [](Request&, Context) -> awaitable<Response> { co_return Response{}; };
}

/// The token is the user's name; "-publish" and "-admin" behind it are scopes, "expired" proves nobody.
result<auth::Principal> verify(std::string_view token) {
    if (token == "expired")
        return fail(std::make_error_code(std::errc::timed_out), {}, "the token has expired");
    auth::Principal principal;
    principal.anonymous = false;
    principal.scopes.publish = token.ends_with("-publish");
    principal.scopes.admin = token.ends_with("-admin");
    principal.subject = token.substr(0, token.find('-'));
    return principal;
}

class TokenTest : public ::testing::Test {
  protected:
    TokenTest() {
        for (const auto access : {Access::open, Access::user, Access::admin, Access::unsaid})
            router.add({Method::get,
                        "/" + std::string{access_names[static_cast<std::size_t>(access)]},
                        nothing(),
                        {.access = access}});
        router.hold_to(AccessPolicy{verify});
    }

    /// What the head is answered with; a status of 200 stands for the handler.
    Response ask(std::string path, const std::vector<std::string>& authorizations) {
        request = {};
        request.path = std::move(path);
        request.peer.address = asio::ip::address_v4::loopback();  // proves nothing once auth is on
        for (const auto& value : authorizations) request.headers.emplace_back("authorization", value);
        auto match = router.route(request);
        return match.answer ? std::move(*match.answer) : Response{};
    }

    static std::string challenge_of(const Response& response) {
        for (const auto& [name, value] : response.headers)
            if (name == "WWW-Authenticate") return value;
        return {};
    }

    Router router{ServerOptions{}};
    Request request;
};

TEST_F(TokenTest, a_user_proves_who_it_is) {
    EXPECT_EQ(ask("/user", {"Bearer ada"}).status, 200);
    EXPECT_EQ(request.principal.subject, "ada");
    EXPECT_FALSE(request.principal.anonymous);
    EXPECT_EQ(ask("/user", {"bearer   ada-admin"}).status, 200);
    EXPECT_TRUE(request.principal.scopes.admin);
}

TEST_F(TokenTest, without_a_token_nothing_but_open_calls_is_answered) {
    for (const auto* path : {"/user", "/admin", "/unsaid"}) {
        const auto response = ask(path, {});
        EXPECT_EQ(response.status, 401) << path;
        EXPECT_EQ(response.code, "no-token");
        EXPECT_EQ(challenge_of(response), "Bearer realm=\"stepcast\"")
            << "RFC 6750: no error for who sent nothing";
        EXPECT_TRUE(response.close);
    }
    EXPECT_EQ(ask("/open", {}).status, 200);
    EXPECT_EQ(ask("/open", {"Bearer expired"}).status, 200) << "it is not looked at";
}

TEST_F(TokenTest, a_token_that_proves_nobody_is_named_invalid) {
    const std::vector<std::vector<std::string>> bad{
        {"Bearer expired"},           {"Basic ada"}, {"Bearer"}, {"Bearer "}, {""}, {"ada"},
        {"Bearer ada", "Bearer ada"}, {"Bearerada"}};
    for (const auto& headers : bad)
        for (const auto* path : {"/user", "/admin"}) {
            const auto response = ask(path, headers);
            EXPECT_EQ(response.status, 401) << headers[0];
            EXPECT_EQ(response.code, "invalid-token");
            EXPECT_EQ(challenge_of(response), "Bearer realm=\"stepcast\", error=\"invalid_token\"");
            EXPECT_TRUE(request.principal.anonymous);
        }
    EXPECT_NE(ask("/user", {"Bearer expired"}).body.find("the token has expired"), std::string::npos);
}

TEST_F(TokenTest, while_nobody_can_be_judged_callers_are_told_to_come_back) {
    router.hold_to(AccessPolicy{[](std::string_view) -> result<auth::Principal> {
        return fail(auth::errc::unavailable, {}, "the keys have not come yet");
    }});
    auto response = ask("/user", {"Bearer ada"});
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(response.code, "keys-unavailable");
    EXPECT_EQ(challenge_of(response), "") << "the token may be good";
    request = {};
    request.path = "/user";
    request.headers = {{"authorization", "Bearer ada"}, {"accept", "text/event-stream"}};
    response = std::move(*router.route(request).answer);
    EXPECT_EQ(response.status, 200) << "EventSource gives up for good on any other";
    EXPECT_TRUE(response.body.starts_with(":\nretry: "));
    EXPECT_TRUE(response.close);
}

TEST_F(TokenTest, admin_calls_need_the_scope_also_on_this_machine) {
    for (const auto* path : {"/admin", "/unsaid"}) {
        EXPECT_EQ(ask(path, {"Bearer ada-admin"}).status, 200);
        for (const auto* token : {"Bearer ada", "Bearer ada-publish"}) {
            const auto response = ask(path, {token});
            EXPECT_EQ(response.status, 403) << path;
            EXPECT_EQ(response.code, "missing-scope");
            EXPECT_NE(challenge_of(response).find("insufficient_scope"), std::string::npos);
        }
    }
}

TEST_F(TokenTest, whoever_reaches_the_port_of_admins_may_call_everything) {
    router.hold_to(AccessPolicy::of_admins());
    for (const auto* path : {"/open", "/user", "/admin", "/unsaid"})
        EXPECT_EQ(ask(path, {}).status, 200) << path;
}

TEST(Ownership, a_user_reads_its_own_and_sends_for_itself_unless_it_may_publish) {
    Request request;
    EXPECT_FALSE(refuse_other(request, "bob")) << "without auth nobody is known";
    EXPECT_FALSE(refuse_sender(request, "bob", "userId"));
    EXPECT_EQ(user_named(request), "");
    for (const auto* token : {"ada", "ada-admin", "ada-publish"}) {
        request.principal = verify(token).value();
        EXPECT_FALSE(refuse_other(request, "ada"));
        EXPECT_EQ(refuse_other(request, "bob")->status, 403) << token;
        EXPECT_EQ(refuse_other(request, "")->code, "not-owner") << token;
        EXPECT_FALSE(refuse_sender(request, "ada", "userId"));
        EXPECT_EQ(user_named(request), "ada");
    }
    EXPECT_FALSE(refuse_sender(request, "bob", "userId"));
    request.principal.scopes = {.admin = true};
    EXPECT_EQ(refuse_sender(request, "bob", "[3].userId")->status, 403);
    EXPECT_NE(refuse_sender(request, "bob", "[3].userId")->body.find("[3].userId"), std::string::npos);
    request.query.emplace_back("userId", "bob");
    EXPECT_EQ(user_named(request), "bob");
}

}  // namespace
}  // namespace stepcast::http
