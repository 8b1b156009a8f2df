// What expires, and who is refused, while a store is at its bound.
#include <asio/steady_timer.hpp>

#include "store/store_fixture.hpp"

namespace stepcast::store::test {

TEST_P(StoreTest, at_the_bound_the_oldest_finished_streams_expire_early) {
    if (!GetParam().fills) GTEST_SKIP() << "its events leave memory";
    one_life = true;
    limits.max_bytes = 200'000;
    const DraftOptions large{.subject = "user", .lifecycle = Lifecycle::ends, .body = std::string(1000, 'x')};
    for (int i = 0; i < 400; ++i) {
        clock.at += 1ms;
        ASSERT_TRUE(append("t" + std::to_string(i), "1", large)) << i;
        EXPECT_LE(store().stats().bytes, limits.max_bytes);
    }
    const auto gone = clean().streams;
    ASSERT_GT(gone.size(), 200u);
    for (std::size_t i = 0; i < gone.size(); ++i) EXPECT_EQ(gone[i].stream_id, "t" + std::to_string(i));
    EXPECT_EQ(info("t399").version, 1u);
    EXPECT_EQ(info("t0").version, 0u);
    EXPECT_GE(subject_lost("user"), gone.back().through);
}

TEST_P(StoreTest, a_batch_at_the_bound_is_taken_whole_while_finished_streams_exist) {
    one_life = true;
    limits.max_bytes = 3'000'000;
    const auto batch = [&](std::string_view name, std::size_t size) {
        std::vector<Commit> commits;
        for (int i = 0; i < 500; ++i)
            commits.push_back(
                commit_of({draft(std::string{name} + std::to_string(i), "1",
                                 {.lifecycle = Lifecycle::ends, .body = std::string(size, 'x')})}));
        return commits;
    };
    for (int i = 0; i < 12; ++i)
        for (const auto& written : commit(batch("small" + std::to_string(i) + ".", 100)))
            ASSERT_TRUE(written);
    for (const auto& written : commit(batch("large", 4000))) EXPECT_TRUE(written);
    EXPECT_LE(store().stats().bytes, limits.max_bytes);
}

TEST_P(StoreTest, others_have_their_turns_while_a_long_stream_makes_room) {
    one_life = true;
    limits.max_bytes = 40'000'000;
    const auto large = [](std::string_view stream, int count) {
        std::vector<Draft> drafts;
        for (int i = 0; i < count; ++i)
            drafts.push_back(draft(stream, std::to_string(i),
                                   {.lifecycle = Lifecycle::ends, .body = std::string(49'000, 'x')}));
        return commit_of(std::move(drafts));
    };
    std::vector<Commit> commits;
    for (int i = 0; i < 100'000; ++i)
        commits.push_back(commit_of({draft("long", std::to_string(i), {.lifecycle = Lifecycle::ends})}));
    commit(std::move(commits));
    clock.at += 1ms;
    ASSERT_TRUE(commit(large("second", 100)));
    clock.at += 1ms;

    int turns = 0;
    auto both = large("needs both", 660);
    const auto written = run(store().commit_many({&both, 1}), turns).at(0);
    EXPECT_TRUE(written);
    EXPECT_EQ(info("second").version, 0u);
    EXPECT_GE(turns, 2) << "a hundred thousand events leave in turns of a millisecond";
}

TEST_P(StoreTest, at_the_bound_a_commit_waits_for_the_reader_to_have_what_may_go) {
    one_life = true;
    limits.max_bytes = 100'000;
    auto& feed = store().feed();
    feed.read_through(0);
    const DraftOptions large{.lifecycle = Lifecycle::ends, .body = std::string(1000, 'x')};
    int taken = 0;
    while (store().stats().bytes < 80'000) put("t" + std::to_string(taken++), "1", large);
    asio::steady_timer reader{io, 20ms};
    reader.async_wait([&](auto) { feed.read_through(store().head()); });
    std::vector<Commit> more;
    for (int i = 0; i < 30; ++i) more.push_back(commit_of({draft("more" + std::to_string(i), "1", large)}));
    for (const auto& written : commit(std::move(more))) EXPECT_TRUE(written);
}

TEST_P(StoreTest, with_nothing_finished_left_commits_are_refused_and_known_ones_are_not) {
    if (!GetParam().fills) GTEST_SKIP() << "its events leave memory";
    limits.max_bytes = 100'000;
    const DraftOptions large{.body = std::string(1000, 'x')};
    int written = 0;
    while (append("running" + std::to_string(written), "1", large)) ASSERT_LT(++written, 200);
    const auto batch =
        commit({commit_of({draft("more", "1", large)}), commit_of({draft("running0", "1", large)}),
                commit_of({draft("more", "2", large)})});
    EXPECT_EQ(refusal(batch[0]), errc::full);
    ASSERT_TRUE(batch[1]);
    EXPECT_TRUE(batch[1]->deduplicated);
    EXPECT_EQ(refusal(batch[2]), errc::full);
    EXPECT_EQ(info("running0").version, 1u);
    EXPECT_EQ(store().head(), static_cast<Position>(written));

    clock.at += 60min;
    clean();
    EXPECT_TRUE(append("more", "1", large));
}

TEST_P(StoreTest, nothing_overtakes_a_commit_that_did_not_fit) {
    if (!GetParam().fills) GTEST_SKIP() << "its events leave memory";
    limits.max_bytes = 100'000;
    const DraftOptions large{.body = std::string(4000, 'x')};
    int written = 0;
    while (append("running" + std::to_string(written), "1", large)) ASSERT_LT(++written, 200);
    const auto batch =
        commit({commit_of({draft("running0", "2", large)}), commit_of({draft("running0", "3")})});
    EXPECT_EQ(refusal(batch[0]), errc::full);
    EXPECT_EQ(refusal(batch[1]), errc::full);
    EXPECT_EQ(info("running0").version, 1u);
    EXPECT_TRUE(append("running0", "3"));
}

TEST_P(StoreTest, a_full_store_leaves_the_source_offset_where_it_is) {
    limits.max_bytes = 5'000;
    auto huge = commit_of({draft("a", "1", {.body = std::string(10'000, 'x')})});
    huge.source = {"group", "topic", 0, 1};
    EXPECT_EQ(refusal(commit(huge)), errc::full);
    EXPECT_FALSE(offset("group", "topic", 0));
}

TEST_P(StoreTest, no_source_offset_passes_a_commit_that_was_refused_as_full) {
    limits.max_bytes = 5'000;
    put("a", "known");
    auto huge = commit_of({draft("a", "1", {.body = std::string(10'000, 'x')})});
    huge.source = {"group", "topic", 0, 1};
    auto known = commit_of({draft("a", "known")});
    known.source = {"group", "topic", 0, 2};
    const auto results = commit({huge, known});
    EXPECT_EQ(refusal(results[0]), errc::full);
    EXPECT_EQ(refusal(results[1]), errc::full);
    EXPECT_FALSE(offset("group", "topic", 0));
}

TEST_P(StoreTest, what_the_feed_has_not_read_is_not_expired_early) {
    if (!GetParam().fills) GTEST_SKIP() << "its events leave memory";
    one_life = true;
    limits.max_bytes = 20'000;
    store().feed().read_through(0);
    const DraftOptions large{.lifecycle = Lifecycle::ends, .body = std::string(1000, 'x')};
    int taken = 0;
    while (taken < 100 && append("t" + std::to_string(taken), "1", large)) ++taken;
    ASSERT_LT(taken, 100);
    EXPECT_EQ(info("t0").version, 1u);
    store().feed().read_through(store().head());
    EXPECT_TRUE(append("t" + std::to_string(taken), "1", large));
    EXPECT_EQ(info("t0").version, 0u);
}

TEST_P(StoreTest, a_commit_never_expires_the_stream_that_it_writes_to) {
    limits.max_bytes = 60'000;
    const DraftOptions large{.lifecycle = Lifecycle::ends, .body = std::string(1000, 'x')};
    put("oldest", "0", large);
    for (int i = 1; i < 40; ++i) {
        clock.at += 1ms;
        put("t" + std::to_string(i), "1", large);
    }
    put("oldest", "1", large);  // may have expired by now
    const auto before = info("oldest").version;
    for (int i = 2; i < 30; ++i) {
        const auto r = append("oldest", std::to_string(i), large);
        ASSERT_TRUE(r);
        EXPECT_EQ(r->version, before + static_cast<Version>(i) - 1);
    }
    EXPECT_LE(store().stats().bytes, limits.max_bytes);
}

TEST_P(StoreTest, bytes_return_when_streams_expire) {
    put("keep", "1", {.category = &account});
    const auto before = store().stats().bytes;
    for (int i = 0; i < 100; ++i) finished("t" + std::to_string(i), "u" + std::to_string(i));
    EXPECT_GT(store().stats().bytes, before + 20'000);
    clock.at += 10min;
    clean();
    clock.at += 120min;
    clean();
    EXPECT_EQ(store().stats().bytes, before);
}

}  // namespace stepcast::store::test
