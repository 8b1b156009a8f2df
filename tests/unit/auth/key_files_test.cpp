#include "auth/key_files.hpp"

#include <gmock/gmock.h>

#include "unit/auth/auth_fixture.hpp"
#include "unit/auth/vectors.hpp"

namespace stepcast::auth {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string why(const result<std::vector<Key>>& keys) {
    return keys ? "no fault" : keys.error().detail;
}

TEST(KeyFiles, a_folder_gives_the_keys_of_its_files_by_name) {
    const Folder folder;
    folder.write("b.pem", make_key(Algorithm::es256).open);
    folder.write("a.secret", std::string(32, 's') + "\n");
    folder.write("c.jwks", std::string{R"({"keys":[)"} + vectors[1].key + "," + vectors[4].key + "]}");
    folder.write(".hidden", "nothing");
    std::filesystem::create_directory(folder.path() + "/older");
    const Folder other;
    const auto keys = read_keys({folder.path(), other.write("d.pem", make_key(Algorithm::eddsa).open)});
    ASSERT_TRUE(keys) << why(keys);
    ASSERT_EQ(keys->size(), 5u);
    EXPECT_EQ(keys->at(0).id, "a");
    EXPECT_EQ(keys->at(0).algorithms().text(), "HS256");
    EXPECT_TRUE(keys->at(0).verify(Algorithm::hs256, "text",
                                   *Key::from_secret(std::string(32, 's'))->sign(Algorithm::hs256, "text")));
    EXPECT_EQ(keys->at(1).id, "b");
    EXPECT_FALSE(keys->at(1).id_binds);
    EXPECT_EQ(keys->at(4).id, "d");
}

TEST(KeyFiles, what_is_no_key_is_named_with_its_file) {
    const Folder folder;
    const auto missing = folder.path() + "/missing.pem";
    EXPECT_EQ(why(read_keys({missing})), missing + ": No such file or directory");
    EXPECT_THAT(why(read_keys({folder.path()})), HasSubstr("holds no file of keys"));
    const auto pem = make_key(Algorithm::es256).open;
    for (const auto& [name, text] : std::initializer_list<std::pair<const char*, std::string>>{
             {"notes.txt", "some text"},
             {"empty.pem", ""},
             {"short.secret", "short"},
             {"pem.secret", pem},
             {"spaced.secret", "\n " + pem},
             {"json.secret", vectors[0].key},
             {"broken.json", "{"},
             {"large.pem", std::string(1024 * 1024 + 1, ' ')}}) {
        const auto file = folder.write(name, text);
        EXPECT_THAT(why(read_keys({file})), StartsWith(file + ": "));
    }
}

TEST(KeyFiles, one_key_is_asked_for_where_one_is_needed) {
    const Folder folder;
    EXPECT_THAT(read_key(folder.write("two.jwks", std::string{R"({"keys":[)"} + vectors[1].key + "," +
                                                      vectors[4].key + "]}"))
                    .error()
                    .detail,
                HasSubstr("one key"));
    EXPECT_EQ(read_key(folder.write("k1.pem", make_key(Algorithm::es256).secret))->id, "k1");
    EXPECT_THAT(read_key(folder.path()).error().detail, HasSubstr("folder"));
}

TEST(KeyFiles, a_change_of_any_file_is_seen) {
    const Folder folder;
    const auto file = folder.write("a.pem", "a");
    const std::vector<std::string> paths{folder.path(), folder.path() + "/outside"};
    auto last = stamp_files(paths);
    const auto changed = [&] {
        const auto before = std::exchange(last, stamp_files(paths));
        return before != last;
    };
    EXPECT_FALSE(changed());
    folder.write("a.pem", "ab");
    EXPECT_TRUE(changed());
    folder.write("b.pem", "b");
    EXPECT_TRUE(changed());
    std::filesystem::rename(folder.write(".new", "ab"), file);
    EXPECT_TRUE(changed());
    std::filesystem::remove(file);
    EXPECT_TRUE(changed());
    EXPECT_FALSE(changed());
}

}  // namespace
}  // namespace stepcast::auth
