#include "auth/publishers.hpp"

#include <gmock/gmock.h>

#include <set>

#include "unit/auth/auth_fixture.hpp"

namespace stepcast::auth {
namespace {

using ::testing::HasSubstr;

TEST(Publishers, whoever_has_the_key_is_known_by_its_name) {
    const auto first = make_publisher_key();
    const auto second = make_publisher_key();
    const auto publishers =
        Publishers::parse("# workers\n\n" + publisher_line("farm", {.publish = true}, first) + "\r\n  " +
                          publisher_line("ops", {.publish = true, .admin = true}, second));
    ASSERT_TRUE(publishers) << publishers.error().detail;
    EXPECT_EQ(publishers->size(), 2u);
    const auto farm = publishers->find(first);
    ASSERT_TRUE(farm);
    EXPECT_EQ(farm->name, "farm");
    EXPECT_EQ(farm->subject, "farm");
    EXPECT_EQ(farm->scopes, (Scopes{.publish = true}));
    EXPECT_EQ(farm->expires, Timestamp::max());
    EXPECT_FALSE(farm->anonymous);
    EXPECT_TRUE(publishers->find(second)->scopes.admin);
    EXPECT_EQ(code_of(publishers->find(make_publisher_key())), errc::unknown_key);
    EXPECT_EQ(code_of(publishers->find("spk_")), errc::unknown_key);
}

TEST(Publishers, a_key_is_256_random_bits_and_its_line_does_not_hold_it) {
    std::set<std::string> keys;
    for (int i = 0; i < 100; ++i) keys.insert(make_publisher_key());
    EXPECT_EQ(keys.size(), 100u);
    const auto& key = *keys.begin();
    EXPECT_TRUE(is_publisher_key(key));
    EXPECT_EQ(decode_base64url(std::string_view{key}.substr(4))->size(), 32u);
    EXPECT_EQ(publisher_line("farm", {}, key).find(key.substr(4)), std::string::npos);
    EXPECT_EQ(publisher_line("x", {.publish = true}, "abc"),
              "x ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad publish");
}

TEST(Publishers, a_line_that_is_none_is_named) {
    const auto line = publisher_line("farm", {.publish = true}, "spk_x");
    for (const auto& wrong :
         {std::string{"farm"}, std::string{"farm 00ff"}, line.substr(0, 68), "farm " + std::string(64, 'g'),
          line + " root", "a\tb" + line.substr(4), std::string{"\x01"} + line})
        EXPECT_THAT(Publishers::parse("\n" + wrong).error().detail, HasSubstr("line 2: ")) << wrong;
    std::string many;
    for (int i = 0; i < 1025; ++i) many += line + "\n";
    EXPECT_THAT(Publishers::parse(many).error().detail, HasSubstr("line 1025: there are more than 1024"));
    EXPECT_TRUE(Publishers::parse(""));
}

TEST(Publishers, a_name_is_one_word) {
    for (const auto* good : {"farm", "render-1", "작업자"}) EXPECT_TRUE(is_publisher_name(good)) << good;
    for (const auto* bad : {"", "a b", "#a", "a\nb", "a\tb", "\xFF"})
        EXPECT_FALSE(is_publisher_name(bad)) << bad;
    EXPECT_FALSE(is_publisher_name(std::string(129, 'a')));
}

}  // namespace
}  // namespace stepcast::auth
