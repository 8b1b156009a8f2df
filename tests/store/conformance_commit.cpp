#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include "store/store_fixture.hpp"

namespace stepcast::store::test {

TEST_P(StoreTest, numbers_versions_per_stream_and_positions_over_all) {
    EXPECT_EQ(store().head(), 0u);
    for (int round = 1; round <= 3; ++round) {
        for (const auto* name : {"a", "b"}) {
            const auto receipt = append(name, std::to_string(round));
            ASSERT_TRUE(receipt);
            EXPECT_EQ(receipt->version, static_cast<Version>(round));
            EXPECT_EQ(receipt->position, store().head());
            EXPECT_FALSE(receipt->deduplicated);
        }
    }
    EXPECT_EQ(store().head(), 6u);
    EXPECT_EQ(info("a").last_position, 5u);
    EXPECT_EQ(info("b").version, 3u);
}

TEST_P(StoreTest, streams_of_one_id_in_two_categories_are_two) {
    put("x", "1");
    put("x", "1", {.category = &account});
    EXPECT_EQ(info("x").version, 1u);
    EXPECT_EQ(info("x", account).version, 1u);
    EXPECT_EQ(info("x", account).last_position, 2u);
}

TEST_P(StoreTest, an_event_carries_its_numbers_and_the_epoch_in_its_frame) {
    put("a", "first");
    const auto event = stream("a").events.at(0);
    EXPECT_EQ(event->version(), 1u);
    EXPECT_EQ(event->position(), 1u);
    EXPECT_EQ(event->recorded_at(), clock.at);
    EXPECT_EQ(event->frame(),
              "id: " + std::string{store().epoch()} +
                  ".1\nevent: progress\ndata: {\"version\":1,\"id\":\"first\",\"body\":\"x\"}\n\n");
}

TEST_P(StoreTest, an_epoch_is_short_and_lower_case) {
    const auto epoch = store().epoch();
    ASSERT_GE(epoch.size(), 1u);
    ASSERT_LE(epoch.size(), 16u);
    for (const char c : epoch) EXPECT_TRUE((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'));
}

TEST_P(StoreTest, two_histories_have_two_epochs) {
    const auto other = GetParam().make(strand, limits, clock);
    EXPECT_NE(store().epoch(), other->epoch());
}

TEST_P(StoreTest, a_given_recorded_at_beats_the_clock) {
    auto one = commit_of({draft("a", "1")});
    one.recorded_at = clock.at - 3h;
    ASSERT_TRUE(commit(one));
    EXPECT_EQ(stream("a").events.at(0)->recorded_at(), clock.at - 3h);
}

TEST_P(StoreTest, each_expectation_holds_or_refuses) {
    struct Case {
        Expected expected;
        Version at;
        bool holds;
    };
    const std::vector<Case> cases{
        {Expected::any(), 0, true},
        {Expected::any(), 2, true},
        {Expected::no_stream(), 0, true},
        {Expected::no_stream(), 2, false},
        {Expected::exact(0), 0, true},
        {Expected::exact(0), 2, false},
        {Expected::stream_exists(), 0, false},
        {Expected::stream_exists(), 2, true},
        {Expected::exact(2), 2, true},
        {Expected::exact(1), 2, false},
        {Expected::exact(3), 2, false},
        {Expected::exact(2), 0, false},
    };
    for (std::size_t i = 0; i < cases.size(); ++i) {
        const auto name = "s" + std::to_string(i);
        for (Version v = 0; v < cases[i].at; ++v) put(name, std::to_string(v));
        const auto before = store().head();
        const auto r = commit(commit_of({draft(name, "new")}, cases[i].expected));
        EXPECT_EQ(r.has_value(), cases[i].holds) << "case " << i;
        EXPECT_EQ(store().head(), before + (cases[i].holds ? 1 : 0));
        if (r) continue;
        EXPECT_EQ(r.error().code, errc::wrong_expected_version);
        EXPECT_EQ(r.error().expected, cases[i].expected.version);
        EXPECT_EQ(r.error().actual, cases[i].at);
    }
}

TEST_P(StoreTest, outcomes_in_a_batch_are_independent_and_in_order) {
    put("a", "1");
    const auto r = commit({commit_of({draft("a", "2")}), commit_of({draft("a", "1", {.body = "y"})}),
                           commit_of({draft("a", "3")}, Expected::exact(2)),
                           commit_of({draft("a", "4")}, Expected::exact(2)), commit_of({draft("a", "2")}),
                           commit_of({draft("b", "1")}, Expected::no_stream())});
    ASSERT_EQ(r.size(), 6u);
    EXPECT_EQ(r[0]->version, 2u);
    EXPECT_EQ(refusal(r[1]), errc::idempotency_conflict);
    EXPECT_EQ(r[2]->version, 3u);
    EXPECT_EQ(refusal(r[3]), errc::wrong_expected_version);
    EXPECT_TRUE(r[4]->deduplicated);
    EXPECT_EQ(r[5]->position, 4u);
    EXPECT_EQ(ids(all()), "1 2 3 1");
}

TEST_P(StoreTest, a_commit_over_several_streams_is_written_whole_or_not_at_all) {
    put("b", "0");
    auto bad = commit_of({draft("a", "1")});
    bad.appends.push_back({Expected::no_stream(), {draft("b", "1")}});
    bad.source = {"c", "t", 0, 1};
    EXPECT_EQ(refusal(commit(bad)), errc::wrong_expected_version);
    EXPECT_EQ(store().head(), 1u);
    EXPECT_EQ(info("a").version, 0u);
    EXPECT_FALSE(offset("c", "t", 0));

    bad.appends.back().expected = Expected::exact(1);  // the refused drafts are committed again
    const auto good = commit(bad);
    ASSERT_TRUE(good);
    EXPECT_EQ(good->position, 3u);
    EXPECT_EQ(info("b").version, 2u);
}

TEST_P(StoreTest, a_later_append_of_a_commit_sees_the_earlier_one) {
    auto one = commit_of({draft("a", "1"), draft("a", "2")});
    one.appends.push_back({Expected::exact(2), {draft("a", "3")}});
    EXPECT_TRUE(commit(one));
    auto two = commit_of({draft("a", "4")});
    two.appends.push_back({Expected::exact(3), {draft("a", "5")}});
    const auto refused = commit(two);
    EXPECT_EQ(refusal(refused), errc::wrong_expected_version);
    EXPECT_EQ(refused.error().actual, 4u);
    EXPECT_EQ(info("a").version, 3u);
}

TEST_P(StoreTest, a_commit_of_known_and_new_appends_writes_the_new) {
    put("a", "1");
    auto mixed = commit_of({draft("a", "1")});
    mixed.appends.push_back({{}, {draft("b", "1")}});
    const auto r = commit(mixed);
    ASSERT_TRUE(r);
    EXPECT_FALSE(r->deduplicated);
    EXPECT_EQ(r->position, 2u);
}

TEST_P(StoreTest, a_source_offset_moves_with_its_commit_and_never_back) {
    auto one = commit_of({draft("a", "1")});
    one.source = {"group", "topic", 3, 10};
    ASSERT_TRUE(commit(one));
    EXPECT_EQ(offset("group", "topic", 3), 10);
    EXPECT_FALSE(offset("group", "topic", 4));
    EXPECT_FALSE(offset("group", "other", 3));
    EXPECT_FALSE(offset("other", "topic", 3));

    for (const std::int64_t offset : {10, 9, 0}) {
        auto old = commit_of({draft("a", "new" + std::to_string(offset))}, Expected::exact(99));
        old.source = {"group", "topic", 3, offset};
        const auto r = commit(old);
        ASSERT_TRUE(r);
        EXPECT_TRUE(r->deduplicated);
        EXPECT_EQ(r->position, 0u);
    }
    EXPECT_EQ(store().head(), 1u);

    auto known = commit_of({draft("a", "1")});
    known.source = {"group", "topic", 3, 12};
    EXPECT_TRUE(commit(known)->deduplicated);
    EXPECT_EQ(offset("group", "topic", 3), 12);

    Commit only;
    only.source = {"group", "topic", 3, 13};
    ASSERT_TRUE(commit(only));
    EXPECT_EQ(offset("group", "topic", 3), 13);
    EXPECT_EQ(store().head(), 1u);
}

TEST_P(StoreTest, source_offsets_are_listed_by_partition) {
    for (const std::int32_t partition : {5, 0, 2}) {
        Commit only;
        only.source = {"group", "topic", partition, 10 + partition};
        ASSERT_TRUE(commit(only));
    }
    const std::vector<PartitionOffset> expected{{0, 10}, {2, 12}, {5, 15}};
    EXPECT_EQ(run(store().source_offsets("group", "topic")).value(), expected);
}

TEST_P(StoreTest, a_topic_that_began_again_takes_its_offset_back) {
    Commit one;
    one.source = {"group", "topic", 0, 10};
    ASSERT_TRUE(commit(one));
    auto again = commit_of({draft("a", "1")});
    again.source = {"group", "topic", 0, 3, true};
    EXPECT_FALSE(commit(again)->deduplicated);
    EXPECT_EQ(offset("group", "topic", 0), 3);
    auto next = commit_of({draft("a", "2")});
    next.source = {"group", "topic", 0, 4};
    EXPECT_FALSE(commit(next)->deduplicated);
    EXPECT_EQ(store().head(), 2u);
}

TEST_P(StoreTest, no_source_offset_of_a_call_passes_a_commit_that_was_refused) {
    put("a", "1");
    std::vector<Commit> commits{commit_of({draft("b", "1")}), commit_of({draft("a", "1", {.body = "other"})}),
                                commit_of({draft("b", "2")}), commit_of({draft("b", "3")})};
    commits[0].source = {"group", "topic", 0, 4};
    commits[1].source = {"group", "topic", 0, 5};
    commits[2].source = {"group", "topic", 0, 6};
    commits[3].source = {"group", "topic", 1, 9};
    const auto results = commit(commits);
    EXPECT_EQ(refusal(results[1]), errc::idempotency_conflict);
    EXPECT_TRUE(results[2]);
    EXPECT_EQ(stream("b").events.size(), 3u);
    EXPECT_EQ(offset("group", "topic", 0), 4);
    EXPECT_EQ(offset("group", "topic", 1), 9);
    Commit given_up;
    given_up.source = {"group", "topic", 0, 6};
    ASSERT_TRUE(commit(given_up));
    EXPECT_EQ(offset("group", "topic", 0), 6);
}

TEST_P(StoreTest, a_refusal_leaves_the_source_offset_where_it_is) {
    auto refused = commit_of({draft("a", "1")}, Expected::stream_exists());
    refused.source = {"group", "topic", 0, 5};
    EXPECT_FALSE(commit(refused));
    EXPECT_FALSE(offset("group", "topic", 0));
}

TEST_P(StoreTest, positions_are_contiguous_under_concurrent_writers) {
    constexpr int writers = 8, rounds = 40;
    int left = writers;
    auto& target = store();
    const auto write = [&](int writer) -> awaitable<void> {
        for (int round = 0; round < rounds; ++round) {
            std::vector<Commit> batch;
            for (int i = 0; i <= writer; ++i)
                batch.push_back(commit_of(
                    {draft("s" + std::to_string((writer + i) % 5),
                           std::to_string(writer) + "-" + std::to_string(round) + "-" + std::to_string(i))}));
            for (const auto& r : co_await target.commit_many(batch)) EXPECT_TRUE(r);
            co_await asio::post(strand, asio::use_awaitable);
        }
        --left;
    };
    for (int w = 0; w < writers; ++w)
        asio::co_spawn(strand, write(w), [](std::exception_ptr death) { EXPECT_FALSE(death); });
    io.restart();
    io.run_for(10s);
    ASSERT_EQ(left, 0);
    const auto page = all();
    ASSERT_EQ(page.events.size(), static_cast<std::size_t>(rounds * writers * (writers + 1) / 2));
    std::map<std::string, Version> versions;
    for (std::size_t i = 0; i < page.events.size(); ++i) {
        EXPECT_EQ(page.events[i]->position(), i + 1);
        EXPECT_EQ(page.events[i]->version(), ++versions[std::string{page.events[i]->stream_id()}]);
    }
}

TEST_P(StoreTest, the_feed_hints_after_what_it_hints_of_is_visible) {
    one_life = true;
    std::vector<Position> heads;
    auto& target = store();
    target.feed().on_change([&] { heads.push_back(target.head()); });
    put("a", "1");
    ASSERT_FALSE(heads.empty());
    EXPECT_EQ(heads.back(), 1u);
    commit({commit_of({draft("a", "2")}), commit_of({draft("a", "3")})});
    EXPECT_EQ(heads.back(), 3u);
    const auto before = heads.size();
    put("a", "1");
    EXPECT_EQ(heads.size(), before) << "nothing has moved";
    target.feed().on_change({});
    put("a", "4");
    EXPECT_EQ(heads.size(), before);
}

TEST_P(StoreTest, metadata_goes_with_its_event_and_makes_no_other_event_of_it) {
    const std::string metadata = R"({"correlationId":"c","actor":"ann"})";
    put("a", "1", {.metadata = metadata});
    put("a", "2");
    EXPECT_TRUE(append("a", "1", {.metadata = R"({"actor":"bob"})"})->deduplicated);
    const auto page = stream("a");
    ASSERT_EQ(page.events.size(), 2u);
    EXPECT_EQ(page.events[0]->metadata(), metadata);
    EXPECT_EQ(page.events[1]->metadata(), "");
}

TEST_P(StoreTest, what_was_decided_on_a_refused_commit_is_not_written_either) {
    put("a", "1");
    put("a", "other");
    // Decided when the stream had one event: the second's version is true by the other's event only.
    std::vector<Commit> decided;
    decided.push_back(commit_of({draft("a", "2")}, Expected::exact(1)));
    decided.push_back(commit_of({draft("a", "3")}, Expected::exact(2)));
    decided.push_back(commit_of({draft("b", "1")}, Expected::exact(0)));
    const auto outcomes = commit(std::move(decided));
    EXPECT_EQ(outcomes[0].error().code, errc::wrong_expected_version);
    EXPECT_EQ(outcomes[1].error().code, errc::wrong_expected_version);
    EXPECT_TRUE(outcomes[2]) << "another stream's";
    EXPECT_EQ(info("a").version, 2u);

    // The first event of a stream is such a belief too.
    std::vector<Commit> first;
    first.push_back(commit_of({draft("b", "2")}, Expected::no_stream()));
    first.push_back(commit_of({draft("b", "3")}, Expected::exact(1)));
    EXPECT_EQ(commit(std::move(first))[1].error().code, errc::wrong_expected_version);

    // One whose message was handled before leads nowhere; one whose events are there does.
    Commit handled;
    handled.inbox = {"group", "m", clock.at + 24h};
    ASSERT_TRUE(commit(handled));
    std::vector<Commit> again;
    again.push_back(commit_of({draft("a", "1"), draft("a", "other")}, Expected::exact(0)));
    again.push_back(commit_of({draft("a", "4")}, Expected::exact(2)));
    again.push_back(commit_of({draft("a", "5")}, Expected::exact(3)));
    again[2].inbox = handled.inbox;
    again.push_back(commit_of({draft("a", "6")}, Expected::exact(4)));
    const auto more = commit(std::move(again));
    EXPECT_TRUE(more[0]->deduplicated);
    EXPECT_EQ(more[1]->version, 3u);
    EXPECT_EQ(more[2]->version, 0u);
    EXPECT_EQ(more[3].error().code, errc::wrong_expected_version);
}

}  // namespace stepcast::store::test
