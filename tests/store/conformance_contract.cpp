// What a commit carries for commands and sagas: answers, snapshots, erased streams, fences.
#include "store/store_fixture.hpp"

namespace stepcast::store::test {
namespace {

/// What a test of snapshots that stay does with a store.
class Saves {
  public:
    using Write = std::function<CommitResult(Commit)>;
    Saves(const Category& category, Write write) : category_{category}, write_{std::move(write)} {}

    /// Appends events up to `last` to the stream "a"; those whose version `every` divides save a snapshot.
    void up_to(Version last, Version every, const std::string& life = {}) {
        while (version_ < last) {
            ++version_;
            auto one = commit_of({draft("a", life + std::to_string(version_), {.category = &category_})});
            if (version_ % every == 0)
                one.snapshots = {
                    {&category_, "a", {version_, 7, life + "as of " + std::to_string(version_)}}};
            EXPECT_TRUE(write_(std::move(one)));
        }
    }
    void begin_anew() { version_ = 0; }

  private:
    const Category& category_;
    Write write_;
    Version version_ = 0;
};

}  // namespace

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

TEST_P(StoreTest, of_a_stream_that_never_expires_one_snapshot_stays_per_some_versions) {
    limits.snapshot_stays_every = 10;
    Saves saves{account, [&](Commit one) { return commit(std::move(one)); }};
    saves.up_to(34, 3);
    const auto at = [&](Version through) {
        const auto found = run(store().load_snapshot(account, "a", through)).value();
        EXPECT_TRUE(!found ||
                    (found->schema == 7 && found->state == "as of " + std::to_string(found->version)));
        return found ? found->version : 0;
    };
    for (const auto& [through, version] : std::vector<std::pair<Version, Version>>{
             {0, 0}, {9, 0}, {11, 0}, {12, 12}, {20, 12}, {21, 21}, {29, 21}, {30, 30}, {32, 30}, {33, 33}})
        EXPECT_EQ(at(through), version) << through;
    EXPECT_EQ(at(UINT64_MAX), 33u);
    EXPECT_FALSE(run(store().load_snapshot(account, "b", 20)).value());

    ASSERT_TRUE(run(store().save_snapshot(account, "a", {25, 7, "older than the newest"}, false)));
    EXPECT_EQ(at(29), 21u) << "it changes nothing";
    ASSERT_TRUE(run(store().save_snapshot(account, "a", {33, 7, "as of 33"}, true)));
    EXPECT_EQ(at(32), 0u) << "what was trimmed has no snapshots of its own";
    EXPECT_EQ(at(33), 33u);
}

TEST_P(StoreTest, of_a_stream_that_expires_the_newest_snapshot_alone_stays) {
    limits.snapshot_stays_every = 10;
    Saves{task, [&](Commit one) { return commit(std::move(one)); }}.up_to(30, 3);
    EXPECT_FALSE(run(store().load_snapshot(task, "a", 29)).value());
    EXPECT_EQ(run(store().load_snapshot(task, "a", 30)).value()->version, 30u);
}

TEST_P(StoreTest, an_erased_stream_takes_its_snapshots_along) {
    limits.snapshot_stays_every = 10;
    Saves saves{account, [&](Commit one) { return commit(std::move(one)); }};
    saves.up_to(34, 3);
    Commit gone;
    gone.erase = {{&account, "a"}};
    ASSERT_TRUE(commit(gone));
    EXPECT_FALSE(run(store().load_snapshot(account, "a", 20)).value());
    saves.begin_anew();
    saves.up_to(34, 17, "again ");
    EXPECT_FALSE(run(store().load_snapshot(account, "a", 16)).value());
    EXPECT_EQ(run(store().load_snapshot(account, "a", 30)).value()->state, "again as of 17");
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
