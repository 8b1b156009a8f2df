// What is sent twice.
#include "store/store_fixture.hpp"

namespace stepcast::store::test {

TEST_P(StoreTest, a_known_id_succeeds_with_the_first_writes_numbers) {
    one_life = true;
    put("a", "1");
    put("b", "1");
    put("a", "2");
    const auto again = append("a", "1");
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->deduplicated);
    EXPECT_EQ(again->version, 1u);
    EXPECT_EQ(again->position, 1u);
    EXPECT_EQ(store().head(), 3u);
    EXPECT_EQ(store().stats().deduplicated, 1u);
}

TEST_P(StoreTest, a_known_id_succeeds_whatever_was_expected) {
    put("a", "1");
    for (const auto expected : {Expected::no_stream(), Expected::exact(0), Expected::exact(7)}) {
        const auto again = commit(commit_of({draft("a", "1")}, expected));
        ASSERT_TRUE(again);
        EXPECT_TRUE(again->deduplicated);
    }
}

TEST_P(StoreTest, an_id_is_unique_in_its_stream_only) {
    put("a", "1");
    const auto other = append("b", "1");
    ASSERT_TRUE(other);
    EXPECT_FALSE(other->deduplicated);
}

TEST_P(StoreTest, a_known_id_with_another_body_is_a_conflict) {
    put("a", "1");
    EXPECT_EQ(refusal(append("a", "1", {.body = "other"})), errc::idempotency_conflict);
    EXPECT_EQ(store().head(), 1u);
}

TEST_P(StoreTest, dedupe_finds_every_event_of_a_long_stream) {
    constexpr int count = 5000;
    std::vector<Commit> commits;
    for (int i = 0; i < count; ++i) commits.push_back(commit_of({draft("long", std::to_string(i))}));
    for (const auto& r : commit(commits)) ASSERT_TRUE(r);
    commits.clear();
    for (int i = 0; i < count; ++i) commits.push_back(commit_of({draft("long", std::to_string(i))}));
    const auto again = commit(std::move(commits));
    for (int i = 0; i < count; ++i) {
        ASSERT_TRUE(again[static_cast<std::size_t>(i)]);
        EXPECT_TRUE(again[static_cast<std::size_t>(i)]->deduplicated);
        EXPECT_EQ(again[static_cast<std::size_t>(i)]->version, static_cast<Version>(i + 1));
    }
    EXPECT_EQ(store().head(), static_cast<Position>(count));
}

TEST_P(StoreTest, an_append_that_is_known_in_part_is_refused_whole) {
    put("a", "1");
    EXPECT_EQ(refusal(commit(commit_of({draft("a", "1"), draft("a", "2")}))), errc::partly_known);
    EXPECT_EQ(refusal(commit(commit_of({draft("a", "2"), draft("a", "1")}))), errc::partly_known);
    EXPECT_EQ(store().head(), 1u);
}

TEST_P(StoreTest, a_commit_that_repeats_an_id_is_refused) {
    EXPECT_EQ(refusal(commit(commit_of({draft("a", "1"), draft("a", "1")}))), errc::partly_known);
    EXPECT_EQ(refusal(commit(commit_of({draft("a", "1"), draft("a", "1", {.body = "y"})}))),
              errc::idempotency_conflict);
    auto two = commit_of({draft("a", "1")});
    two.appends.push_back({{}, {draft("a", "1")}});
    EXPECT_EQ(refusal(commit(two)), errc::partly_known);
    EXPECT_EQ(store().head(), 0u);
    EXPECT_TRUE(commit(commit_of({draft("a", "1"), draft("a", "2")})));
}

TEST_P(StoreTest, an_append_of_several_known_events_answers_for_the_last) {
    ASSERT_TRUE(commit(commit_of({draft("a", "1"), draft("a", "2"), draft("a", "3")})));
    const auto again = commit(commit_of({draft("a", "1"), draft("a", "2")}));
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->deduplicated);
    EXPECT_EQ(again->version, 2u);
}

}  // namespace stepcast::store::test
