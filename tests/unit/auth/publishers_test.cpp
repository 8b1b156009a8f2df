#include "auth/publishers.hpp"

#include <gmock/gmock.h>

#include <set>

#include "unit/auth/auth_fixture.hpp"

namespace stepcast::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PublishersTest : public testing::Test {
  protected:
    Publishers parse(std::string_view text) {
        wrong.clear();
        return Publishers::parse(text, wrong);
    }
    std::vector<std::string> wrong;
};

TEST_F(PublishersTest, whoever_has_the_key_is_known_by_its_name) {
    const auto first = make_publisher_key();
    const auto second = make_publisher_key();
    const auto publishers = parse("# workers\n\n" + publisher_line("farm", {.publish = true}, first) +
                                  "\r\n  " + publisher_line("ops", {.publish = true, .admin = true}, second));
    EXPECT_EQ(wrong.size(), 0u);
    EXPECT_EQ(publishers.size(), 2u);
    const auto farm = publishers.find(first);
    ASSERT_TRUE(farm);
    EXPECT_EQ(farm->name, "farm");
    EXPECT_EQ(farm->subject, "farm");
    EXPECT_EQ(farm->scopes, (Scopes{.publish = true}));
    EXPECT_EQ(farm->expires, Timestamp::max());
    EXPECT_FALSE(farm->anonymous);
    EXPECT_TRUE(publishers.find(second)->scopes.admin);
    EXPECT_EQ(code_of(publishers.find(make_publisher_key())), errc::unknown_key);
    EXPECT_EQ(code_of(publishers.find("spk_")), errc::unknown_key);
}

TEST_F(PublishersTest, a_key_is_256_random_bits_and_its_line_does_not_hold_it) {
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

TEST_F(PublishersTest, a_line_that_is_none_is_named_and_keeps_back_no_other) {
    const auto line = publisher_line("farm", {.publish = true}, "spk_x");
    for (const auto& bad :
         {std::string{"farm"}, std::string{"farm 00ff"}, line.substr(0, 68), "farm " + std::string(64, 'g'),
          line + " root", "a\tb" + line.substr(4), std::string{"\x01"} + line}) {
        const auto publishers = parse("\n" + bad + "\n" + line);
        EXPECT_THAT(wrong, ElementsAre(HasSubstr("line 2: "))) << bad;
        EXPECT_TRUE(publishers.find("spk_x"));
    }
    std::string many;
    for (int i = 0; i < 2000; ++i) many += line + "\n";
    EXPECT_EQ(parse(many).size(), 1024u);
    EXPECT_EQ(wrong.size(), 10u);
    EXPECT_THAT(wrong[0], HasSubstr("line 1025: there are more than 1024"));
    EXPECT_EQ(parse("").size(), 0u);
    EXPECT_EQ(wrong.size(), 0u);
}

TEST_F(PublishersTest, a_name_is_one_word) {
    for (const auto* good : {"farm", "render-1", "작업자"}) EXPECT_TRUE(is_publisher_name(good)) << good;
    for (const auto* bad : {"", "a b", "#a", "a\nb", "a\tb", "\xFF"})
        EXPECT_FALSE(is_publisher_name(bad)) << bad;
    EXPECT_FALSE(is_publisher_name(std::string(129, 'a')));
}

}  // namespace
}  // namespace stepcast::auth
