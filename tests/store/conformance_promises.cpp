// What a commit stores besides its events: messages that it owes the bus, marks of what was handled, timers.
#include "store/store_fixture.hpp"

namespace stepcast::store::test {

TEST_P(StoreTest, what_is_owed_is_kept_in_order_until_it_is_sent) {
    auto one = commit_of({draft("a", "1")});
    one.outbox = {{"m1", "topic", "k", "v1"}, {"m2", "topic", "k", "v2"}};
    ASSERT_TRUE(commit(one));
    Commit more;
    more.outbox = {{"m1", "topic", "k", "other"}, {"m3", "topic", "k", "v3"}};
    ASSERT_TRUE(commit(more));
    auto owed = run(store().outbox(0, 100)).value();
    ASSERT_EQ(owed.size(), 3u);
    EXPECT_EQ(owed[0]->message.value, "v1");
    EXPECT_EQ(owed[2]->message.id, "m3");
    EXPECT_EQ(run(store().outbox(owed[0]->number, 1)).value().at(0)->message.id, "m2");

    Commit sent;
    sent.sent = {"m1", "m3", "never owed"};
    ASSERT_TRUE(commit(sent));
    ASSERT_TRUE(commit(more));
    owed = run(store().outbox(0, 100)).value();
    ASSERT_EQ(owed.size(), 3u);
    EXPECT_EQ(owed[0]->message.id, "m2");
    EXPECT_EQ(owed[1]->message.value, "other");
    EXPECT_GT(owed[1]->number, owed[0]->number);
}

TEST_P(StoreTest, what_is_owed_keeps_its_headers_and_they_count) {
    const std::vector<event::Header> headers{
        {"traceparent", "00-1-2-01"}, {"bytes", std::string{"\0\xff", 2}}, {"traceparent", ""}};
    Commit one;
    one.outbox = {{"m1", "topic", "k", "v", headers}, {"m2", "topic", "k", "v"}};
    ASSERT_TRUE(commit(one));
    const auto before = store().stats().bytes;
    Commit wide;
    wide.outbox = {{"m3", "topic", "k", "v", {{"h", std::string(10'000, 'x')}}}};
    ASSERT_TRUE(commit(wide));
    EXPECT_GT(store().stats().bytes, before + 10'000);
    const auto owed = run(store().outbox(0, 100)).value();
    ASSERT_EQ(owed.size(), 3u);
    EXPECT_EQ(owed[0]->message.headers, headers);
    EXPECT_TRUE(owed[1]->message.headers.empty());
}

TEST_P(StoreTest, it_tells_how_much_is_owed_and_since_when) {
    EXPECT_EQ(store().stats().pending, 0u);
    EXPECT_FALSE(store().stats().pending_since);
    const auto first = clock.at;
    Commit one;
    one.outbox = {{"m1", "topic", "k", "v"}};
    ASSERT_TRUE(commit(one));
    clock.at += 5s;
    one.outbox = {{"m2", "topic", "k", "v"}};
    ASSERT_TRUE(commit(one));
    EXPECT_EQ(store().stats().pending, 2u);
    EXPECT_EQ(store().stats().pending_since, first);
    Commit sent;
    sent.sent = {"m1"};
    ASSERT_TRUE(commit(sent));
    EXPECT_EQ(store().stats().pending, 1u);
    EXPECT_EQ(store().stats().pending_since, first + 5s);
}

TEST_P(StoreTest, a_refused_commit_owes_nothing) {
    auto refused = commit_of({draft("a", "1")}, Expected::stream_exists());
    refused.outbox = {{"m", "t", "k", "v"}};
    EXPECT_FALSE(commit(refused));
    EXPECT_TRUE(run(store().outbox(0, 100)).value().empty());
}

TEST_P(StoreTest, a_repeat_that_was_decided_on_another_state_says_nothing_of_it) {
    auto first = commit_of({draft("a", "1")});
    first.outbox = {{"told", "topic", "k", "version 1"}};
    first.timers = {{"t", clock.at + 1h, "kind", "first"}};
    ASSERT_TRUE(commit(first));
    Commit sent;
    sent.sent = {"told"};
    ASSERT_TRUE(commit(sent));

    auto again = commit_of({draft("a", "1")});
    again.outbox = {{"told", "topic", "k", "version 1 again"}, {"told otherwise", "topic", "k", "version 2"}};
    again.timers = {{"t", clock.at, "kind", "again"}};
    again.snapshots = {{&task, "a", {2, 1, "a state that never was"}}};
    again.inbox = {"payments", "m1", clock.at + 60min};
    again.source = {"payments", "topic", 0, 5};
    const auto receipt = commit(again);
    ASSERT_TRUE(receipt);
    EXPECT_TRUE(receipt->deduplicated);
    EXPECT_EQ(receipt->version, 1u);
    EXPECT_TRUE(run(store().outbox(0, 100)).value().empty());
    EXPECT_TRUE(run(store().due(clock.at, 100)).value().empty());
    EXPECT_FALSE(run(store().load_snapshot(task, "a")).value());
    EXPECT_EQ(offset("payments", "topic", 0), 5);
    EXPECT_TRUE(run(store().handled("payments", "m1")).value()) << "what was handled was handled";
}

TEST_P(StoreTest, a_message_that_was_handled_has_no_effect_again_but_its_offset_moves) {
    const auto handle = [&](const std::string& id, std::int64_t at, const std::string& event) {
        auto one = commit_of({draft("a", event)});
        one.inbox = {"payments", id, clock.at + 60min};
        one.source = {"payments", "topic", 0, at};
        one.outbox = {{event, "topic", "k", "v"}};
        return commit(one);
    };
    EXPECT_FALSE(handle("m1", 1, "1")->deduplicated);
    const auto again = handle("m1", 2, "2");
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->deduplicated);
    EXPECT_EQ(again->position, 0u);
    EXPECT_EQ(offset("payments", "topic", 0), 2);
    EXPECT_EQ(run(store().outbox(0, 100)).value().size(), 1u);
    EXPECT_FALSE(handle("m2", 3, "3")->deduplicated);
    EXPECT_EQ(ids(all()), "1 3");

    auto other = commit_of({draft("a", "4")});
    other.inbox = {"invoices", "m1", clock.at + 60min};
    EXPECT_FALSE(commit(other)->deduplicated) << "another consumer has not handled it";
}

TEST_P(StoreTest, a_refused_commit_marks_nothing_and_sets_no_timer) {
    auto refused = commit_of({draft("a", "1")}, Expected::stream_exists());
    refused.inbox = {"payments", "m1", clock.at + 60min};
    refused.timers = {{"t", clock.at, "kind", "{}"}};
    EXPECT_FALSE(commit(refused));
    refused.appends.front().expected = Expected::any();
    refused.timers.clear();
    EXPECT_FALSE(commit(refused)->deduplicated);
    EXPECT_TRUE(run(store().due(clock.at + 1h, 100)).value().empty());
}

TEST_P(StoreTest, a_mark_is_forgotten_once_it_has_expired) {
    const auto handle = [&](const std::string& id, Duration keep) {
        Commit one;
        one.inbox = {"payments", id, clock.at + keep};
        return commit(one)->deduplicated;
    };
    for (int i = 0; i < 200; ++i) EXPECT_FALSE(handle("short" + std::to_string(i), 10min));
    EXPECT_FALSE(handle("long", 60min));
    clock.at += 10min;
    clean();
    for (int i = 0; i < 200; i += 50) EXPECT_FALSE(handle("short" + std::to_string(i), 10min));
    EXPECT_TRUE(handle("short0", 10min));
    EXPECT_TRUE(handle("long", 60min));
}

TEST_P(StoreTest, near_its_bound_expired_marks_make_room_before_any_stream_does) {
    limits.max_bytes = 64 * 1024;
    finished("a");
    for (int i = 0; store().stats().bytes <= limits.max_bytes - limits.max_bytes / 16; ++i) {
        Commit one;
        one.inbox = {"payments", std::to_string(i), clock.at + 1min};
        ASSERT_TRUE(commit(one));
    }
    clock.at += 1min;
    clean();
    EXPECT_EQ(stream("a").events.size(), 2u);
    EXPECT_LT(store().stats().bytes, limits.max_bytes / 2);
}

TEST_P(StoreTest, a_timer_is_due_from_its_time_on_until_it_has_fired) {
    const auto due = [&](Timestamp at, std::size_t limit = 100) {
        std::string found;
        const auto timers = run(store().due(at, limit)).value();
        for (const auto& timer : timers) found += timer.id + ":" + timer.kind + ":" + timer.payload + " ";
        return found;
    };
    auto one = commit_of({draft("a", "1")});
    one.timers = {{"late", clock.at + 2min, "order", "two"},
                  {"early", clock.at + 1min, "order", "one"},
                  {"never", clock.at + 9h, "order", ""}};
    ASSERT_TRUE(commit(one));
    EXPECT_EQ(due(clock.at), "");
    EXPECT_EQ(due(clock.at + 1min), "early:order:one ");
    EXPECT_EQ(due(clock.at + 2min), "early:order:one late:order:two ");
    EXPECT_EQ(due(clock.at + 2min, 1), "early:order:one ");

    Commit fired;
    fired.fired = {"early", "late", "never set"};
    fired.timers = {{"late", clock.at + 3min, "order", "again"}};
    ASSERT_TRUE(commit(fired));
    EXPECT_EQ(due(clock.at + 2min), "");
    EXPECT_EQ(due(clock.at + 3min), "late:order:again ");

    Commit moved;
    moved.timers = {{"late", clock.at + 5min, "order", "moved"}};
    ASSERT_TRUE(commit(moved));
    EXPECT_EQ(due(clock.at + 3min), "");
    EXPECT_EQ(due(clock.at + 5min), "late:order:moved ");
}

TEST_P(StoreTest, a_repeat_does_not_fire_what_was_set_since) {
    const auto due = [&] { return run(store().due(clock.at + 1h, 100)).value().size(); };
    auto ends = commit_of({draft("a", "1")});
    ends.timers = {{"t", clock.at, "order", "first"}};
    ASSERT_TRUE(commit(ends));
    ends = commit_of({draft("a", "2")});
    ends.fired = {"t"};
    ASSERT_TRUE(commit(ends));
    EXPECT_EQ(due(), 0u);
    auto begins = commit_of({draft("a", "3")});
    begins.timers = {{"t", clock.at, "order", "second"}};
    ASSERT_TRUE(commit(begins));
    EXPECT_TRUE(commit(ends)->deduplicated);
    EXPECT_EQ(due(), 1u);
}

TEST_P(StoreTest, at_its_bound_a_store_takes_no_mark_and_no_timer) {
    limits.max_bytes = 64 * 1024;
    std::vector<Commit> commits(2);
    commits[0].timers = {{"t", clock.at, "kind", std::string(100'000, 'x')}};
    commits[1].inbox = {"payments", "m", clock.at + 60min};
    const auto results = commit(commits);
    EXPECT_EQ(refusal(results[0]), errc::full);
    EXPECT_EQ(refusal(results[1]), errc::full) << "nothing overtakes what did not fit";
    EXPECT_TRUE(run(store().due(clock.at, 100)).value().empty());

    Commit fits;
    fits.timers = {{"t", clock.at, "kind", std::string(50'000, 'x')}};
    ASSERT_TRUE(commit(fits));
    fits.timers[0].due += 1min;
    EXPECT_TRUE(commit(fits)) << "moving it takes no room";
    fits.fired = {"t"};
    fits.timers[0].id = "u";
    EXPECT_TRUE(commit(fits)) << "nor does one in its place";
}

}  // namespace stepcast::store::test
