// What a commit carries for commands and sagas: answers, snapshots, erased streams, fences.
#include "store/store_fixture.hpp"

namespace stepcast::store::test {

TEST_P(StoreTest, the_answer_to_a_handled_message_is_given_again) {
    const auto handled = [&](std::string_view consumer, std::string_view message) {
        return run(store().handled(consumer, message)).value();
    };
    EXPECT_FALSE(handled("door", "key-1"));
    auto one = commit_of({draft("a", "1")});
    one.inbox = {"door", "key-1", clock.at + 60min, R"({"version":1})"};
    ASSERT_TRUE(commit(one));
    auto again = commit_of({draft("a", "2")});
    again.inbox = {"door", "key-1", clock.at + 60min, "another answer"};
    EXPECT_TRUE(commit(again)->deduplicated);
    ASSERT_TRUE(handled("door", "key-1"));
    EXPECT_EQ(handled("door", "key-1")->answer, R"({"version":1})");
    EXPECT_FALSE(handled("window", "key-1"));
    clock.at += 61min;
    clean();
    EXPECT_FALSE(handled("door", "key-1"));
}

TEST_P(StoreTest, a_refused_commit_answers_nothing) {
    auto refused = commit_of({draft("a", "1")}, Expected::stream_exists());
    refused.inbox = {"door", "key", clock.at + 60min, "answer"};
    EXPECT_FALSE(commit(refused));
    EXPECT_FALSE(run(store().handled("door", "key")).value());
}

TEST_P(StoreTest, a_commit_saves_a_snapshot_of_what_it_writes) {
    auto one = commit_of({draft("a", "1", {.category = &account}), draft("a", "2", {.category = &account})});
    one.snapshots = {{&account, "a", {2, 7, "state"}}};
    ASSERT_TRUE(commit(one));
    const auto saved = run(store().load_snapshot(account, "a")).value();
    ASSERT_TRUE(saved);
    EXPECT_EQ(saved->version, 2u);
    EXPECT_EQ(saved->schema, 7u);
    EXPECT_EQ(saved->state, "state");
    EXPECT_EQ(ids(stream("a", {}, account)), "1 2") << "it stands beside the events";

    Commit older;
    older.snapshots = {{&account, "a", {1, 7, "older"}}};
    ASSERT_TRUE(commit(older));
    EXPECT_EQ(run(store().load_snapshot(account, "a")).value()->state, "state");
}

TEST_P(StoreTest, a_snapshot_of_what_is_not_written_refuses_the_commit) {
    auto one = commit_of({draft("a", "1")});
    one.snapshots = {{&task, "a", {2, 1, "state"}}};
    EXPECT_EQ(refusal(commit(one)), errc::wrong_expected_version);
    EXPECT_EQ(info("a").version, 0u);
    one.snapshots = {{&account, "a", {1, 1, "of another category"}}};
    EXPECT_EQ(refusal(commit(one)), errc::wrong_expected_version);
    one.snapshots = {{&task, "a", {1, 1, "state"}}};
    EXPECT_TRUE(commit(one)) << "a refused draft may be sent again as it is";
}

TEST_P(StoreTest, an_erased_stream_is_gone_from_every_read_and_announced) {
    put("a", "1"), put("b", "1"), put("a", "2");
    put("a", "1", {.category = &account});
    Commit gone;
    gone.erase = {{&task, "a"}, {&task, "never there"}};
    ASSERT_TRUE(commit(gone));
    EXPECT_EQ(ids(stream("a")), "");
    EXPECT_EQ(ids(subject("user", {}, categories)), "1 1");
    EXPECT_EQ(all().events.size(), 2u);
    EXPECT_EQ(info("a").version, 0u);
    EXPECT_EQ(info("a").lost_through, 3u);
    EXPECT_EQ(info("a", account).lost_through, 0u);
    EXPECT_EQ(subject_lost("user"), 3u);
    if (!GetParam().reopens_always) {
        const auto told = clean();
        ASSERT_EQ(told.streams.size(), 1u);
        EXPECT_EQ(told.streams[0].stream_id, "a");
        EXPECT_EQ(told.streams[0].through, 3u);
    }
    const auto again = append("a", "1");
    ASSERT_TRUE(again);
    EXPECT_EQ(again->version, 1u) << "what was erased is not known any more";
    EXPECT_EQ(again->position, 5u) << "positions go on";
}

TEST_P(StoreTest, others_have_their_turns_while_long_streams_are_erased) {
    one_life = true;
    std::vector<Commit> commits;
    for (int i = 0; i < 60'000; ++i)
        commits.push_back(commit_of({draft(i % 2 == 0 ? "a" : "b", std::to_string(i),
                                           {.subject = i % 3 == 0 ? "ann" : "bob", .category = &account})}));
    commit(std::move(commits));
    auto gone = commit_of({draft("c", "1")});
    gone.erase = {{&account, "a"}, {&account, "b"}};
    std::array<Commit, 2> both{std::move(gone), commit_of({draft("c", "2")})};
    int turns = 0;
    const auto results = run(store().commit_many(both), turns);
    EXPECT_TRUE(results[0]);
    EXPECT_TRUE(results[1]);
    EXPECT_GE(turns, 8) << "sixty thousand events leave in turns of a millisecond";
    EXPECT_EQ(ids(subject("ann", {}, categories)), "");
    EXPECT_EQ(all().events.size(), 2u);
    EXPECT_EQ(subject_lost("ann", categories), 59'998u);
    EXPECT_EQ(subject_lost("bob", categories), 60'000u);
}

TEST_P(StoreTest, a_stream_that_never_expires_is_erased_like_any_other) {
    put("a", "1", {.category = &account});
    auto last = commit_of({draft("a", "2", {.category = &account})});
    last.erase = {{&account, "a"}};
    ASSERT_TRUE(commit(last));
    EXPECT_EQ(info("a", account).version, 0u) << "with what the commit itself wrote";
    EXPECT_EQ(info("a", account).lost_through, 2u);
}

TEST_P(StoreTest, a_lease_has_one_holder_and_fences_the_others) {
    one_life = true;
    const auto first = run(store().lease("relay", "node-1", 1h));
    ASSERT_TRUE(first);
    const auto refused = run(store().lease("relay", "node-2", 1h));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::held);
    EXPECT_EQ(run(store().lease("relay", "node-1", 0h))->token, first->token) << "prolonged, here to nothing";

    const auto second = run(store().lease("relay", "node-2", 1h));
    ASSERT_TRUE(second);
    EXPECT_GT(second->token, first->token);
    auto one = commit_of({draft("a", "1")});
    one.fence = *first;
    EXPECT_EQ(refusal(commit(one)), errc::fenced);
    one.fence = *second;
    EXPECT_TRUE(commit(one));
    EXPECT_TRUE(run(store().lease("another", "node-1", 1h)));
}

}  // namespace stepcast::store::test
