#include "auth/token.hpp"

#include <gmock/gmock.h>

#include "unit/auth/auth_fixture.hpp"

namespace stepcast::auth {
namespace {

using ::testing::HasSubstr;

/// Why a token with this header is refused; empty if it is not.
Error refusal(std::string_view header) {
    const auto token = read_token(encode_base64url(header) + ".e30.QUJD");
    return token ? Error{} : token.error();
}

TEST(Token, has_three_parts_of_which_each_is_given) {
    const auto header = encode_base64url(R"({"alg":"ES256","kid":"k1","typ":"JWT"})");
    const auto text = header + ".e30.QUJD";
    const auto token = read_token(text);
    ASSERT_TRUE(token);
    EXPECT_EQ(token->algorithm, "ES256");
    EXPECT_EQ(token->key, "k1");
    EXPECT_EQ(token->signed_part, header + ".e30");
    EXPECT_EQ(token->payload, "e30");
    EXPECT_EQ(token->signature, "ABC");
}

TEST(Token, another_form_is_refused_with_a_reason) {
    const std::string head = encode_base64url(R"({"alg":"ES256"})");
    for (const auto* text : {"", ".", "..", "a.b", "a.b.c.d", "Bearer x.y.z", "e30.e30.e30"})
        EXPECT_EQ(code_of(read_token(text)), errc::malformed) << text;
    EXPECT_THAT(read_token("a.b.c.d.e").error().detail, HasSubstr("JWE"));
    EXPECT_THAT(read_token(head + ".e30.QUI=").error().detail, HasSubstr("base64url"));
    EXPECT_THAT(read_token(std::string(8193, 'a')).error().detail, HasSubstr("8192 bytes"));
    EXPECT_FALSE(code_of(read_token(head + ".e30.")));
}

TEST(Token, a_header_that_wants_more_than_a_known_key_is_refused) {
    for (const auto* member : {R"("crit":["exp"])", R"("jwk":{})", R"("jku":"https://evil.example")",
                               R"("x5u":"https://evil.example")", R"("x5c":[])", R"("b64":false)",
                               R"("typ":"logout+jwt")", R"("typ":"dpop+jwt")", R"("typ":17)", R"("typ":"")"})
        EXPECT_EQ(refusal(std::string{R"({"alg":"ES256",)"} + member + "}").code, errc::refused_header)
            << member;
    for (const auto* member : {R"("typ":"JWT")", R"("typ":"jwt")", R"("typ":"at+jwt")",
                               R"("typ":"application/at+jwt")", R"("x5t":"abc")"})
        EXPECT_FALSE(refusal(std::string{R"({"alg":"ES256",)"} + member + "}").code) << member;
}

TEST(Token, a_header_that_is_none_is_refused) {
    const auto deep = R"({"alg":"ES256","a":)" + std::string(17, '[') + std::string(17, ']') + "}";
    const auto wide = R"({"alg":"ES256","a":")" + std::string(1024, 'a') + "\"}";
    for (const auto& header :
         {std::string{"[]"}, std::string{"{}"}, std::string{"{"}, std::string{R"({"alg":null})"},
          std::string{R"({"alg":"ES256","kid":7})"}, std::string{"{\"alg\":\"\xFF\"}"}, deep, wide})
        EXPECT_EQ(refusal(header).code, errc::malformed) << header;
}

TEST(Token, what_we_make_names_its_key) {
    auto key = *parse_pem(make_key(Algorithm::eddsa).secret);
    key.id = "k1";
    const auto text = make_token(key, Algorithm::eddsa, "{}");
    ASSERT_TRUE(text);
    const auto token = read_token(*text);
    ASSERT_TRUE(token);
    EXPECT_EQ(token->key, "k1");
    EXPECT_TRUE(key.verify(Algorithm::eddsa, token->signed_part, token->signature));
    EXPECT_EQ(code_of(make_token(key, Algorithm::es256, "{}")), errc::algorithm);
}

}  // namespace
}  // namespace stepcast::auth
