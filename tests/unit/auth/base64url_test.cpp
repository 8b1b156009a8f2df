#include "auth/base64url.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace stepcast::auth {
namespace {

TEST(Base64url, bytes_come_back_and_each_has_one_text) {
    EXPECT_TRUE(rc::check(
        [](const std::string& bytes) { RC_ASSERT(decode_base64url(encode_base64url(bytes)) == bytes); }));
    EXPECT_TRUE(rc::check([] {
        const auto text =
            *rc::gen::container<std::string>(rc::gen::element('A', 'B', 'Q', 'z', '-', '_', '='));
        if (const auto bytes = decode_base64url(text)) RC_ASSERT(encode_base64url(*bytes) == text);
    }));
}

TEST(Base64url, says_what_rfc_7515_says) {
    EXPECT_EQ(encode_base64url("\x03\xEC\xFF\xE0\xC1"), "A-z_4ME");
    EXPECT_EQ(decode_base64url(""), "");
}

TEST(Base64url, refuses_padding_spaces_other_letters_and_loose_bits) {
    for (const auto* text :
         {"QQ==", "QQ=", "QUI=", "Q", "QUJDR", "QU JD", "QUJD\n", "QU+D", "QU/D", "QR", "QUJ", "Q\xC3\xA9"})
        EXPECT_FALSE(decode_base64url(text)) << text;
    EXPECT_EQ(decode_base64url("QQ"), "A");
    EXPECT_EQ(decode_base64url("QUI"), "AB");
}

}  // namespace
}  // namespace stepcast::auth
