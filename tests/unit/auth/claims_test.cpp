#include "auth/claims.hpp"

#include <gmock/gmock.h>

#include "unit/auth/auth_fixture.hpp"

namespace stepcast::auth {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr Timestamp noon{std::chrono::milliseconds{1'800'000'000'000}};

/// A payload that is good but for `members`.
result<Claims> claims_with(std::string_view members, const Settings& settings = {}) {
    return read_claims(R"({"sub":"ada","exp":1800000600)" + std::string{members.empty() ? "" : ","} +
                           std::string{members} + "}",
                       settings, noon);
}

Scopes scopes_of(std::string_view members, const std::string& claim) {
    return claims_with(members, {.scope_claim = claim})->principal.scopes;
}

TEST(Claims, name_the_bearer_and_its_end) {
    const auto claims = claims_with("");
    ASSERT_TRUE(claims) << claims.error().detail;
    EXPECT_EQ(claims->principal.subject, "ada");
    EXPECT_EQ(claims->principal.expires, noon + 630s);
    EXPECT_EQ(claims->principal.scopes, Scopes{});
    EXPECT_EQ(claims->principal.name, "");
    EXPECT_FALSE(claims->principal.anonymous);
}

TEST(Claims, times_hold_with_the_leeway_and_no_longer) {
    const auto at = [](std::string_view exp, std::string_view nbf, Duration leeway) {
        return code_of(
            read_claims("{\"sub\":\"ada\",\"exp\":" + std::string{exp} + ",\"nbf\":" + std::string{nbf} + "}",
                        {.leeway = leeway}, noon));
    };
    EXPECT_FALSE(at("1800000001", "1800000000", 0s));
    EXPECT_EQ(at("1800000000", "0", 0s), errc::expired);
    EXPECT_FALSE(at("1799999971", "0", 30s));
    EXPECT_EQ(at("1799999970", "0", 30s), errc::expired);
    EXPECT_EQ(at("1800000600", "1800000001", 0s), errc::not_yet_valid);
    EXPECT_FALSE(at("1800000600", "1800000030", 30s));
    EXPECT_EQ(at("1800000600", "1800000031", 30s), errc::not_yet_valid);
    EXPECT_FALSE(at("1800000000.5", "1.79e9", 0s));
}

TEST(Claims, an_end_is_needed_and_must_be_a_time) {
    EXPECT_THAT(read_claims(R"({"sub":"ada"})", {}, noon).error().detail, HasSubstr("no end"));
    for (const auto* exp : {"null", "\"1800000600\"", "-1", "1e30", "1e999", "253402300800", "{}"})
        EXPECT_FALSE(read_claims(std::string{R"({"sub":"ada","exp":)"} + exp + "}", {}, noon)) << exp;
    EXPECT_EQ(code_of(claims_with(R"("nbf":"now")")), errc::claims);
}

TEST(Claims, a_subject_must_be_able_to_be_a_user) {
    for (const auto* subject : {R"("")", "17", "null", R"("a\nb")", R"("a\u0000b")", R"(["ada"])"})
        EXPECT_EQ(code_of(read_claims(std::string{R"({"exp":1800000600,"sub":)"} + subject + "}", {}, noon)),
                  errc::claims)
            << subject;
    EXPECT_EQ(code_of(read_claims(R"({"exp":1800000600,"sub":")" + std::string(129, 'a') + "\"}", {}, noon)),
              errc::claims);
    EXPECT_EQ(claims_with(R"("email":"김@example.com")", {.subject_claim = "email"})->principal.subject,
              "김@example.com");
}

TEST(Claims, an_issuer_must_be_one_of_ours) {
    const Settings settings{.issuers = {"https://a.example", "https://b.example"}};
    EXPECT_TRUE(claims_with(R"("iss":"https://b.example")", settings));
    EXPECT_THAT(claims_with(R"("iss":"https://c.example")", settings).error().detail,
                HasSubstr("\"https://c.example\""));
    for (const auto* members :
         {"", R"("iss":["https://a.example"])", R"("iss":"https://a.example/")", R"("iss":null)"})
        EXPECT_EQ(code_of(claims_with(members, settings)), errc::issuer) << members;
    EXPECT_TRUE(claims_with(R"("iss":"anybody")"));
}

TEST(Claims, a_token_for_others_is_not_for_us) {
    const Settings settings{.audiences = {"stepcast"}};
    EXPECT_TRUE(claims_with(R"("aud":"stepcast")", settings));
    EXPECT_TRUE(claims_with(R"("aud":["other","stepcast"])", settings));
    for (const auto* members :
         {"", R"("aud":"other")", R"("aud":[])", R"("aud":{"stepcast":1})", R"("aud":"Stepcast")"})
        EXPECT_EQ(code_of(claims_with(members, settings)), errc::audience) << members;
    EXPECT_THAT(claims_with(R"("aud":"other")").error().detail, HasSubstr("\"other\""));
    EXPECT_TRUE(
        claims_with(R"("client_id":"stepcast")", {.audiences = {"stepcast"}, .audience_claim = "client_id"}));
}

TEST(Claims, scopes_are_words_of_a_text_or_of_an_array) {
    const Scopes both{.publish = true, .admin = true};
    const Scopes publish{.publish = true};
    EXPECT_EQ(scopes_of(R"("scope":"openid publish admin")", "scope"), both);
    EXPECT_EQ(scopes_of(R"("scope":" publish ")", "scope"), publish);
    EXPECT_EQ(scopes_of(R"("scope":"publisher unpublish")", "scope"), Scopes{});
    EXPECT_EQ(scopes_of(R"("scp":["publish",7,"admin"])", "scp"), both);
    EXPECT_EQ(scopes_of(R"("scope":["publish admin"])", "scope"), Scopes{});
    EXPECT_EQ(scopes_of(R"("scope":{"publish":true})", "scope"), Scopes{});
}

TEST(Claims, a_claims_name_may_be_a_path_or_hold_dots) {
    const Scopes publish{.publish = true};
    EXPECT_EQ(scopes_of(R"("realm_access":{"roles":["publish"]})", "realm_access.roles"), publish);
    EXPECT_EQ(
        scopes_of(R"("resource_access":{"my.app":{"roles":["publish"]}})", "resource_access.my.app.roles"),
        publish);
    EXPECT_EQ(scopes_of(R"("https://shop.example/roles":["publish"])", "https://shop.example/roles"),
              publish);
    EXPECT_EQ(scopes_of(R"("realm_access":["roles"])", "realm_access.roles"), Scopes{});
    EXPECT_EQ(claims_with(R"("cognito:groups":["watchers","workers"])",
                          {.scope_claim = "cognito:groups", .publish_scope = "workers"})
                  ->principal.scopes,
              publish);
}

TEST(Claims, a_payload_that_is_no_object_is_refused) {
    for (const auto* payload : {"", "[]", "17", "{",
                                R"({"sub":"ada","exp":1800000600} )"
                                "x"})
        EXPECT_EQ(code_of(read_claims(payload, {}, noon)), errc::malformed) << payload;
}

}  // namespace
}  // namespace stepcast::auth
