#include "auth/verifier.hpp"

#include <gmock/gmock.h>
#include <rapidcheck.h>

#include <thread>

#include "unit/auth/auth_fixture.hpp"
#include "unit/auth/vectors.hpp"

namespace stepcast::auth {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr Timestamp now{std::chrono::milliseconds{1'800'000'000'000}};
constexpr auto payload = R"({"sub":"ada","scope":"publish","exp":1800000600})";
constexpr Algorithm all[]{Algorithm::hs256, Algorithm::hs384, Algorithm::hs512,
                          Algorithm::rs256, Algorithm::ps256, Algorithm::es256,
                          Algorithm::es384, Algorithm::es512, Algorithm::eddsa};

/// A folder with a key, the verifier that reads it, and the key's private half.
class KeyedVerifier {
  public:
    explicit KeyedVerifier(Algorithm algorithm = Algorithm::eddsa) { add(algorithm, "k1"); }

    void add(Algorithm algorithm, const std::string& name) {
        const auto made = make_key(algorithm);
        const bool pem = !made.open.empty();
        folder.write(name + (pem ? ".pem" : ".secret"), pem ? made.open : made.secret);
        auto key = pem ? parse_pem(made.secret) : Key::from_secret(made.secret);
        key->id = name;
        keys.push_back(std::move(*key));
    }
    Verifier& open(Settings settings = {}) {
        settings.keys = {folder.path()};
        auto opened = Verifier::open(settings);
        EXPECT_TRUE(opened) << opened.error().detail;
        verifier = std::move(*opened);
        return *verifier;
    }
    std::string token(std::string_view text = payload, std::size_t key = 0) const {
        Algorithm algorithm = Algorithm::hs256;
        for (const auto one : all)
            if (keys[key].algorithms().has(one)) algorithm = one;
        return *make_token(keys[key], algorithm, text);
    }

    Folder folder;
    std::vector<Key> keys;
    std::unique_ptr<Verifier> verifier;
};

TEST(Verifier, believes_a_token_of_its_key_and_remembers_it) {
    KeyedVerifier kit;
    auto& verifier = kit.open();
    for (int round = 0; round < 2; ++round) {
        const auto principal = verifier.verify(kit.token(), now);
        ASSERT_TRUE(principal) << principal.error().detail;
        EXPECT_EQ(principal->subject, "ada");
        EXPECT_EQ(principal->scopes, (Scopes{.publish = true}));
        EXPECT_EQ(principal->expires, now + 630s);
        EXPECT_EQ(verifier.cached(), 1u);
    }
}

TEST(Verifier, a_remembered_token_is_refused_at_its_end_and_before_its_beginning) {
    KeyedVerifier kit;
    auto& verifier = kit.open({.leeway = 0s});
    const auto token = kit.token(R"({"sub":"ada","nbf":1800000000,"exp":1800000600})");
    ASSERT_TRUE(verifier.verify(token, now));
    EXPECT_TRUE(verifier.verify(token, now + 600s - 1ms));
    EXPECT_EQ(code_of(verifier.verify(token, now + 600s)), errc::expired);
    EXPECT_EQ(code_of(verifier.verify(token, now - 1ms)), errc::not_yet_valid);
}

TEST(Verifier, what_was_refused_is_not_remembered) {
    KeyedVerifier kit;
    auto& verifier = kit.open();
    const auto token = kit.token();
    EXPECT_EQ(code_of(verifier.verify(token, now + 1h)), errc::expired);
    EXPECT_EQ(code_of(verifier.verify(KeyedVerifier{}.token(), now)), errc::signature);
    EXPECT_EQ(verifier.cached(), 0u);
    EXPECT_TRUE(verifier.verify(token, now));
}

TEST(Verifier, none_and_a_public_key_as_secret_are_refused) {
    KeyedVerifier kit{Algorithm::es256};
    auto& verifier = kit.open();
    const auto none = encode_base64url(R"({"alg":"none"})") + '.' + encode_base64url(payload) + '.';
    EXPECT_THAT(verifier.verify(none, now).error().detail, HasSubstr("\"none\" is not taken"));
    std::ifstream in{kit.folder.path() + "/k1.pem"};
    auto confused = *Key::from_secret({std::istreambuf_iterator<char>{in}, {}});
    for (const auto* id : {"", "k1"}) {
        confused.id = id;
        EXPECT_EQ(code_of(verifier.verify(*make_token(confused, Algorithm::hs256, payload), now)),
                  errc::algorithm);
    }
}

TEST(Verifier, a_token_without_a_signature_is_refused_for_every_algorithm) {
    for (const auto algorithm : {Algorithm::hs256, Algorithm::es256, Algorithm::eddsa}) {
        KeyedVerifier kit{algorithm};
        const auto token = kit.token();
        EXPECT_EQ(code_of(kit.open().verify(token.substr(0, token.rfind('.') + 1), now)), errc::signature);
    }
}

TEST(Verifier, kid_chooses_among_several_keys) {
    KeyedVerifier kit;
    kit.add(Algorithm::eddsa, "k2");
    kit.add(Algorithm::es256, "k3");
    auto& verifier = kit.open();
    for (std::size_t key = 0; key < kit.keys.size(); ++key)
        EXPECT_TRUE(verifier.verify(kit.token(payload, key), now));
    kit.keys[0].id = "k2";
    EXPECT_EQ(code_of(verifier.verify(kit.token(payload, 0), now)), errc::signature);
    for (auto& key : kit.keys) key.id = "";
    for (std::size_t key = 0; key < kit.keys.size(); ++key)
        EXPECT_TRUE(verifier.verify(kit.token(payload, key), now));
    // A file's name is ours; issuers call the same key something else.
    kit.keys[1].id = "2026-11";
    EXPECT_TRUE(verifier.verify(kit.token(payload, 1), now));
}

TEST(Verifier, a_jwk_with_another_kid_is_not_asked) {
    const Folder folder;
    auto key = *parse_pem(make_key(Algorithm::eddsa).secret);
    std::string jwk{vectors[4].key};
    jwk.insert(1, R"("kid":"theirs",)");
    auto verifier = *Verifier::open({.keys = {folder.write("keys.jwks", jwk)}});
    key.id = "ours";
    EXPECT_EQ(verifier->verify(*make_token(key, Algorithm::eddsa, payload), now).error().detail,
              "none of our keys is called \"ours\"");
    key.id = "theirs";
    EXPECT_EQ(code_of(verifier->verify(*make_token(key, Algorithm::eddsa, payload), now)), errc::signature);
    key.id = "a\nb";
    EXPECT_THAT(verifier->verify(*make_token(key, Algorithm::eddsa, payload), now).error().detail,
                HasSubstr("not shown"));
}

TEST(Verifier, a_change_of_keys_is_seen_and_ends_what_was_remembered) {
    KeyedVerifier kit;
    auto& verifier = kit.open();
    const auto token = kit.token();
    ASSERT_TRUE(verifier.verify(token, now));
    EXPECT_FALSE(verifier.refresh());
    kit.add(Algorithm::eddsa, "k1");  // another one in its place
    EXPECT_TRUE(verifier.verify(token, now));
    EXPECT_TRUE(verifier.refresh());
    EXPECT_EQ(code_of(verifier.verify(token, now)), errc::signature);
    EXPECT_TRUE(verifier.verify(kit.token(payload, 1), now));
    EXPECT_FALSE(verifier.refresh());
}

TEST(Verifier, a_bad_file_keeps_its_old_keys_and_keeps_back_no_other) {
    KeyedVerifier kit;
    kit.add(Algorithm::eddsa, "k2");
    kit.add(Algorithm::eddsa, "k3");
    auto& verifier = kit.open();
    kit.folder.write("k1.pem", "-----BEGIN PUBLIC KEY-----\n");
    kit.folder.remove("k2.pem");
    const auto problems = verifier.refresh();
    ASSERT_TRUE(problems);
    ASSERT_EQ(problems->size(), 1u);
    EXPECT_THAT(problems->front().what, HasSubstr("k1.pem: "));
    EXPECT_FALSE(verifier.refresh()) << "it is told once";
    EXPECT_EQ(verifier.reload().size(), 1u);
    EXPECT_TRUE(verifier.verify(kit.token(), now));
    EXPECT_FALSE(verifier.verify(kit.token(payload, 1), now));
    EXPECT_TRUE(verifier.verify(kit.token(payload, 2), now));
    EXPECT_FALSE(Verifier::open({.keys = {kit.folder.path()}}));
}

TEST(Verifier, the_last_key_of_a_folder_goes_with_its_file_and_a_folder_that_is_away_keeps_its_own) {
    KeyedVerifier kit;
    auto& verifier = kit.open();
    kit.folder.remove("k1.pem");
    auto problems = verifier.refresh();
    ASSERT_TRUE(problems && problems->size() == 1);
    EXPECT_THAT(problems->front().what, HasSubstr("the folder holds no file of keys"));
    EXPECT_EQ(problems->front().then, "nobody is believed by it any more");
    EXPECT_EQ(code_of(verifier.verify(kit.token(), now)), errc::unknown_key);

    KeyedVerifier other;
    auto& away = other.open();
    std::filesystem::remove_all(other.folder.path());
    problems = away.refresh();
    ASSERT_TRUE(problems && problems->size() == 1);
    EXPECT_EQ(problems->front().then, "its keys from before stay");
    EXPECT_TRUE(away.verify(other.token(), now));
}

TEST(Verifier, who_was_believed_is_told_when_the_key_is_gone_and_only_then) {
    KeyedVerifier kit;
    kit.add(Algorithm::es256, "k2");
    const auto worker = make_publisher_key(), other = make_publisher_key();
    const auto line = publisher_line("farm", {.publish = true}, worker) + "\n";
    const auto file = kit.folder.path() + "-publishers";
    std::ofstream{file} << line << publisher_line("other", {.publish = true}, other);
    auto& verifier = kit.open({.publisher_keys = file});
    const auto first = verifier.verify(kit.token(), now)->revoked;
    const auto second = verifier.verify(kit.token(payload, 1), now)->revoked;
    const auto farm = verifier.verify(worker, now)->revoked;
    const auto typo = verifier.verify(other, now)->revoked;

    EXPECT_EQ(verifier.reload().size(), 0u);
    EXPECT_FALSE(*first || *second || *farm || *typo) << "nothing has changed";
    kit.folder.remove("k1.pem");
    EXPECT_TRUE(verifier.refresh());
    EXPECT_TRUE(*first);
    EXPECT_FALSE(*second || *farm || *typo);
    // One line that is none revokes nobody else, and does not keep another from being revoked.
    std::ofstream{file} << "a typo\n" << publisher_line("other", {}, other);
    const auto problems = verifier.refresh();
    ASSERT_TRUE(problems && problems->size() == 1);
    EXPECT_EQ(problems->front().then, "that line holds for nobody");
    EXPECT_TRUE(*farm);
    EXPECT_FALSE(*typo || *second);
    kit.add(Algorithm::es256, "k2");  // another one under its name
    EXPECT_TRUE(verifier.refresh());
    EXPECT_TRUE(*second);
    std::filesystem::remove(file);
}

TEST(Verifier, keys_that_were_fetched_stand_beside_those_of_files_and_give_way_to_the_next) {
    KeyedVerifier kit;
    auto& verifier = kit.open({.fetches = true});
    const auto text = make_key(Algorithm::eddsa).secret;
    const auto key = [&](const char* kid) {
        auto made = *parse_pem(text);
        made.id = kid;
        made.id_binds = true;
        return made;
    };
    const auto theirs = [&](const char* kid) { return *make_token(key(kid), Algorithm::eddsa, payload); };
    const auto fetch = [&](const char* kid) {
        std::vector<Key> keys;
        keys.push_back(key(kid));
        verifier.take_fetched(std::move(keys));
    };
    const auto own = verifier.verify(kit.token(), now)->revoked;
    EXPECT_EQ(code_of(verifier.verify(theirs("a"), now)), errc::unknown_key);
    fetch("a");
    const auto known = verifier.verify(theirs("a"), now);
    ASSERT_TRUE(known) << known.error().detail;
    fetch("a");
    EXPECT_FALSE(*known->revoked);
    EXPECT_TRUE(verifier.reload().empty());
    EXPECT_FALSE(*known->revoked) << "files have nothing to do with it";
    fetch("b");
    EXPECT_TRUE(*known->revoked);
    EXPECT_EQ(code_of(verifier.verify(theirs("a"), now)), errc::unknown_key);
    EXPECT_TRUE(verifier.verify(theirs("b"), now));
    EXPECT_TRUE(verifier.verify(kit.token(), now));
    EXPECT_FALSE(*own);
}

TEST(Verifier, a_publishers_key_is_revoked_by_taking_its_line_away) {
    const Folder folder;
    const auto key = make_publisher_key();
    const auto file = folder.write("publishers", publisher_line("farm", {.publish = true}, key));
    auto verifier = *Verifier::open({.publisher_keys = file});
    EXPECT_EQ(verifier->verify(key, now)->name, "farm");
    EXPECT_EQ(code_of(verifier->verify("a.b.c", now)), errc::malformed);
    folder.write("publishers", "# nobody");
    EXPECT_TRUE(verifier->refresh());
    EXPECT_EQ(code_of(verifier->verify(key, now)), errc::unknown_key);
    folder.write("publishers", "farm");
    EXPECT_THAT(verifier->reload().front().what, HasSubstr("publishers: line 1: "));
    EXPECT_FALSE(Verifier::open({.publisher_keys = file}));
    EXPECT_FALSE(Verifier::open({}));
}

TEST(Verifier, remembers_a_bounded_number_and_the_longest_lived) {
    TokenCache cache{640};
    const auto put = [&](int i, Timestamp expires) {
        auto claims = std::make_shared<Claims>();
        claims->principal.expires = expires;
        cache.put(cache.digest(std::to_string(i)), 1, claims);
    };
    for (int i = 0; i < 5000; ++i) put(i, now + std::chrono::seconds{i});
    EXPECT_LE(cache.size(), 640u);
    EXPECT_NE(cache.find(cache.digest("4999"), 1), nullptr);
    EXPECT_EQ(cache.find(cache.digest("0"), 1), nullptr);
    EXPECT_EQ(cache.find(cache.digest("4999"), 2), nullptr);
    EXPECT_NE(cache.digest("a"), TokenCache{}.digest("a"));  // its own secret
}

TEST(Verifier, many_threads_verify_while_keys_change) {
    KeyedVerifier kit;
    auto& verifier = kit.open();
    std::vector<std::string> tokens;
    for (int i = 0; i < 20; ++i)
        tokens.push_back(kit.token(R"({"sub":"u)" + std::to_string(i) + R"(","exp":1800000600})"));
    std::atomic<int> wrong = 0;
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t)
        threads.emplace_back([&] {
            for (std::size_t i = 0; i < 200; ++i) {
                const auto principal = verifier.verify(tokens[i % tokens.size()], now);
                wrong += !principal || principal->subject != "u" + std::to_string(i % tokens.size());
            }
        });
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(verifier.reload().empty());
    threads.clear();
    EXPECT_EQ(wrong, 0);
}

TEST(Verifier, no_changed_token_is_believed) {
    for (const auto algorithm : {Algorithm::hs256, Algorithm::hs384, Algorithm::hs512, Algorithm::es256,
                                 Algorithm::es384, Algorithm::es512, Algorithm::eddsa}) {
        KeyedVerifier kit{algorithm};
        auto& verifier = kit.open();
        const auto token = kit.token();
        ASSERT_TRUE(verifier.verify(token, now));
        EXPECT_TRUE(rc::check([&] {
            auto changed = token;
            const auto at = *rc::gen::inRange<std::size_t>(0, changed.size());
            const auto letter = *rc::gen::arbitrary<char>();
            switch (*rc::gen::inRange(0, 4)) {
                case 0:
                    changed[at] = letter;
                    break;
                case 1:
                    changed.insert(at, 1, letter);
                    break;
                case 2:
                    changed.erase(at, *rc::gen::inRange<std::size_t>(1, 20));
                    break;
                default:
                    std::swap(changed[at], changed[*rc::gen::inRange<std::size_t>(0, changed.size())]);
            }
            RC_PRE(changed != token);
            RC_ASSERT_FALSE(verifier.verify(changed, now).has_value());
        }));
    }
}

}  // namespace
}  // namespace stepcast::auth
