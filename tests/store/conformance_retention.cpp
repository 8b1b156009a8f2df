#include "store/store_fixture.hpp"

namespace stepcast::store::test {

using By = Range::By;

TEST_P(StoreTest, a_finished_stream_lives_ttl_after_its_last_event) {
    finished("a");
    clock.at += 10min - 1ms;
    EXPECT_TRUE(clean().streams.empty());
    clock.at += 1ms;
    const auto gone = clean().streams;
    ASSERT_EQ(gone.size(), 1u);
    EXPECT_EQ(gone[0].category, &task);
    EXPECT_EQ(gone[0].stream_id, "a");
    EXPECT_EQ(gone[0].subject, "user");
    EXPECT_EQ(gone[0].through, 2u);
    EXPECT_EQ(info("a").version, 0u);
    EXPECT_EQ(store().stats().events, 0u);
    EXPECT_EQ(store().stats().streams, 0u);
    EXPECT_TRUE(clean().streams.empty());
}

TEST_P(StoreTest, a_running_stream_lives_running_ttl_after_its_last_event) {
    put("opened", "1", {.lifecycle = Lifecycle::opens});
    put("neutral", "1");
    clock.at += 40min;
    put("opened", "2");
    clock.at += 20min;
    const auto first = clean().streams;
    ASSERT_EQ(first.size(), 1u);
    EXPECT_EQ(first[0].stream_id, "neutral");
    clock.at += 40min;
    EXPECT_EQ(clean().streams.size(), 1u);
}

TEST_P(StoreTest, a_neutral_event_after_the_end_leaves_a_stream_finished_and_renews_it) {
    finished("a");
    clock.at += 5min;
    put("a", "late");
    clock.at += 9min;
    EXPECT_TRUE(clean().streams.empty());
    clock.at += 1min;
    EXPECT_EQ(clean().streams.size(), 1u);
}

TEST_P(StoreTest, a_finished_stream_that_opens_again_is_running) {
    finished("a");
    put("a", "again", {.lifecycle = Lifecycle::opens});
    clock.at += 59min;
    EXPECT_TRUE(clean().streams.empty());
    put("a", "end", {.lifecycle = Lifecycle::ends});
    clock.at += 10min;
    EXPECT_EQ(clean().streams.size(), 1u);
}

TEST_P(StoreTest, a_record_time_decides_about_expiry) {
    auto old = commit_of({draft("old", "1", {.lifecycle = Lifecycle::ends})});
    old.recorded_at = clock.at - 9min;
    auto older = commit_of({draft("older", "1", {.lifecycle = Lifecycle::ends})});
    older.recorded_at = clock.at - 10min;
    commit({old, older});
    const auto gone = clean().streams;
    ASSERT_EQ(gone.size(), 1u);
    EXPECT_EQ(gone[0].stream_id, "older");
}

TEST_P(StoreTest, a_category_that_does_not_expire_stays) {
    put("a", "1", {.lifecycle = Lifecycle::ends, .category = &account});
    clock.at += std::chrono::hours{10'000};
    EXPECT_TRUE(clean().streams.empty());
    EXPECT_EQ(info("a", account).version, 1u);
}

TEST_P(StoreTest, expiry_leaves_lost_through_for_stream_and_subject) {
    put("other", "1", {.subject = "bob", .category = &account});
    finished("a", "ann");
    put("b", "1", {.subject = "ann"});
    clock.at += 10min;
    clean();
    EXPECT_EQ(info("a").lost_through, 3u);
    EXPECT_EQ(stream("a").lost_through, 3u);
    EXPECT_EQ(subject("ann").lost_through, 3u);
    EXPECT_EQ(subject_lost("ann"), 3u);
    EXPECT_EQ(ids(subject("ann")), "1");
    EXPECT_EQ(subject_lost("bob"), 0u);
    EXPECT_EQ(info("b").lost_through, 0u);
    EXPECT_EQ(info("other", account).lost_through, 0u);
}

TEST_P(StoreTest, every_subject_of_an_expired_stream_has_lost_its_own_last_event) {
    put("room", "1", {.subject = "ann"});
    put("room", "2", {.subject = "bob"});
    put("room", "3", {.subject = "ann"});
    put("room", "4", {.subject = "", .lifecycle = Lifecycle::ends});
    clock.at += 10min;
    clean();
    EXPECT_EQ(subject_lost("ann"), 3u);
    EXPECT_EQ(subject_lost("bob"), 2u);
    EXPECT_TRUE(subject("ann").events.empty());
    EXPECT_TRUE(subject("bob").events.empty());
}

TEST_P(StoreTest, no_subject_of_a_long_stream_is_unaware_of_its_loss_while_the_stream_is_removed) {
    one_life = true;
    std::vector<Commit> commits;
    for (int i = 0; i < 20'000; ++i)
        commits.push_back(
            commit_of({draft("room", std::to_string(i), {.subject = std::to_string(i % 500)})}));
    commit(std::move(commits));
    clock.at += 60min;
    ASSERT_FALSE(run(store().cleanup(clock.at))->done);
    for (Position i = 0; i < 500; ++i) {
        EXPECT_TRUE(subject(std::to_string(i)).events.empty());
        EXPECT_GE(subject_lost(std::to_string(i)), 19'501 + i);
    }
    clean();
    for (Position i = 0; i < 500; ++i) EXPECT_EQ(subject_lost(std::to_string(i)), 19'501 + i);
    EXPECT_EQ(subject_lost("500"), 0u);
}

TEST_P(StoreTest, a_forgotten_tombstone_raises_the_floor_for_all) {
    finished("a", "ann");
    put("keep", "1", {.subject = "bob", .category = &account});
    clock.at += 10min;
    clean();
    clock.at += 120min - 1ms;
    clean();
    EXPECT_EQ(subject_lost("bob"), 0u);
    clock.at += 1ms;
    clean();
    EXPECT_EQ(subject_lost("bob"), 2u);
    EXPECT_EQ(subject_lost("ann"), 2u);
    EXPECT_EQ(info("keep", account).lost_through, 2u);
    EXPECT_EQ(info("never seen").lost_through, 2u);
}

TEST_P(StoreTest, an_expired_stream_that_comes_back_starts_at_version_one) {
    finished("a");
    clock.at += 10min;
    clean();
    const auto receipt =
        commit(commit_of({draft("a", "a.1", {.lifecycle = Lifecycle::opens})}, Expected::no_stream()));
    ASSERT_TRUE(receipt);
    EXPECT_FALSE(receipt->deduplicated);
    EXPECT_EQ(receipt->version, 1u);
    EXPECT_EQ(receipt->position, 3u);
    EXPECT_EQ(info("a").lost_through, 2u);
    EXPECT_EQ(ids(stream("a")), "a.1");
    EXPECT_EQ(stream("a").lost_through, 2u);
}

TEST_P(StoreTest, each_step_of_cleanup_leaves_reads_consistent) {
    constexpr int count = 20'000;
    std::vector<Commit> commits;
    for (int i = 0; i < count; ++i) commits.push_back(commit_of({draft("big", std::to_string(i))}));
    commit(std::move(commits));
    clock.at += 60min;
    for (bool done = false; !done;) {
        done = run(store().cleanup(clock.at)).value().done;
        const auto seen = run(store().read_all({.limit = 100'000})).value().events.size();
        EXPECT_EQ(seen == 0, info("big").version == 0);
        EXPECT_EQ(subject("user", {.limit = 100'000}).events.size(), seen);
        EXPECT_EQ(subject_lost("user"), seen == 0 ? count : 0u);
    }
    EXPECT_EQ(store().head(), static_cast<Position>(count));
}

TEST_P(StoreTest, a_snapshot_stands_beside_the_events) {
    for (int i = 1; i <= 5; ++i) put("a", std::to_string(i));
    EXPECT_FALSE(run(store().load_snapshot(task, "a")).value());
    ASSERT_TRUE(run(store().save_snapshot(task, "a", {3, 7, "three"}, false)));
    const auto loaded = run(store().load_snapshot(task, "a")).value();
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->version, 3u);
    EXPECT_EQ(loaded->schema, 7u);
    EXPECT_EQ(loaded->state, "three");
    EXPECT_EQ(ids(stream("a", {.by = By::version})), "1 2 3 4 5");
    ASSERT_TRUE(run(store().save_snapshot(task, "a", {2, 7, "two"}, false)));
    EXPECT_EQ(run(store().load_snapshot(task, "a")).value()->version, 3u) << "an older one changes nothing";
}

TEST_P(StoreTest, a_snapshot_of_what_is_not_there_is_refused) {
    put("a", "1");
    EXPECT_FALSE(run(store().save_snapshot(task, "a", {2, 1, "s"}, true)));
    EXPECT_FALSE(run(store().save_snapshot(task, "none", {1, 1, "s"}, true)));
    EXPECT_EQ(info("a").version, 1u);
}

TEST_P(StoreTest, a_trim_moves_first_version_and_counts_as_lost) {
    for (int i = 1; i <= 5; ++i) put("a", std::to_string(i)), put("b", std::to_string(i), {.subject = "bob"});
    ASSERT_TRUE(run(store().save_snapshot(task, "a", {3, 1, "three"}, true)));
    const auto known = info("a");
    EXPECT_EQ(known.version, 5u);
    EXPECT_EQ(known.first_version, 4u);
    EXPECT_EQ(known.lost_through, 5u);
    EXPECT_EQ(subject_lost("user"), 5u);
    EXPECT_EQ(subject_lost("bob"), 0u);
    const auto below = run(store().read_stream(task, "a", {By::version, 3, 5, 10}));
    ASSERT_FALSE(below);
    EXPECT_EQ(below.error().code, errc::trimmed);
    EXPECT_EQ(ids(stream("a", {By::version, 4, 5, 10})), "4 5");
    const auto by_position = stream("a");
    EXPECT_EQ(ids(by_position), "4 5");
    EXPECT_EQ(by_position.lost_through, 5u);
    EXPECT_EQ(ids(subject("user")), "4 5");
    EXPECT_EQ(ids(all()), "1 2 3 4 4 5 5");
    EXPECT_EQ(append("a", "6")->version, 6u);
    EXPECT_TRUE(append("a", "4")->deduplicated);
    EXPECT_EQ(run(store().load_snapshot(task, "a")).value()->state, "three");
}

TEST_P(StoreTest, a_stream_trimmed_to_its_last_event_goes_on) {
    for (int i = 1; i <= 3; ++i) put("a", std::to_string(i));
    ASSERT_TRUE(run(store().save_snapshot(task, "a", {3, 1, "s"}, true)));
    EXPECT_EQ(info("a").first_version, 4u);
    EXPECT_EQ(info("a").version, 3u);
    EXPECT_EQ(refusal(commit(commit_of({draft("a", "4")}, Expected::no_stream()))),
              errc::wrong_expected_version);
    EXPECT_EQ(commit(commit_of({draft("a", "4")}, Expected::exact(3)))->version, 4u);
    clock.at += 60min;
    EXPECT_EQ(clean().streams.size(), 1u);
    EXPECT_FALSE(run(store().load_snapshot(task, "a")).value());
}

TEST_P(StoreTest, trimming_a_long_stream_keeps_its_ids_and_gives_back_its_bytes) {
    limits.max_events_per_stream = 6000;
    const auto commit_all = [&](int from, int to) {
        std::vector<Commit> commits;
        for (int i = from; i <= to; ++i) commits.push_back(commit_of({draft("a", std::to_string(i))}));
        commit(std::move(commits));
    };
    commit_all(1, 7000);
    const auto before = store().stats().bytes;
    const auto asked = clean().oversized;
    ASSERT_EQ(asked.size(), 1u);
    EXPECT_EQ(asked[0].category, &task);
    EXPECT_EQ(asked[0].stream_id, "a");
    ASSERT_TRUE(run(store().save_snapshot(task, "a", {5500, 1, "s"}, true)));
    EXPECT_TRUE(clean().oversized.empty());
    EXPECT_LT(store().stats().bytes, before / 2);
    EXPECT_EQ(store().stats().events, 1500u);
    for (int i = 5501; i <= 7000; i += 97) EXPECT_TRUE(append("a", std::to_string(i))->deduplicated);
    commit_all(7001, 9000);
    const auto kept = stream("a", {By::version, 5501, UINT64_MAX, 10'000}).events;
    ASSERT_EQ(kept.size(), 3500u);
    EXPECT_EQ(kept.back()->version(), 9000u);
}

TEST_P(StoreTest, the_owner_of_an_oversized_stream_is_asked_until_it_is_trimmed) {
    one_life = true;
    limits.max_events_per_stream = 2;
    put("a", "1"), put("a", "2");
    EXPECT_TRUE(clean().oversized.empty());
    put("a", "3");
    EXPECT_EQ(clean().oversized.size(), 1u);
    EXPECT_EQ(clean().oversized.size(), 1u) << "perhaps the owner had not taken in the last event";
    put("a", "4"), put("b", "1");
    EXPECT_EQ(clean().oversized.size(), 1u);
    ASSERT_TRUE(run(store().save_snapshot(task, "a", {2, 1, "s"}, true)));
    EXPECT_TRUE(clean().oversized.empty());
    put("a", "5");
    EXPECT_EQ(clean().oversized.size(), 1u);
    clock.at += 61min;
    EXPECT_TRUE(clean().oversized.empty()) << "it has expired";
}

}  // namespace stepcast::store::test
