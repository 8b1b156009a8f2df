// What becomes of events whose bytes are in the journal's file only.
#include <sqlite3.h>

#include "store/feed_reader.hpp"
#include "store/journal_fixture.hpp"

namespace stepcast::store::test {
namespace {

using By = Range::By;

class JournalAway : public JournalTest {
  protected:
    static Draft deposit(const std::string& account_id, const std::string& id,
                         const std::string& subject = "ann") {
        return draft(account_id, id,
                     {.subject = subject, .body = std::string(200, 'x'), .category = &account});
    }
    static Commit with_snapshot(Commit commit, const std::string& account_id, Version version) {
        commit.snapshots.push_back({&account, account_id, {version, 1, "state"}});
        return commit;
    }
    std::vector<CommitResult> write(JournaledStore& store, std::vector<Commit> commits) {
        return run_to_end(strand, store.commit_many(commits));
    }
    CommitResult write(JournaledStore& store, Commit commit) {
        return run_to_end(strand, store.commit_many({&commit, 1})).at(0);
    }
    /// Deposits `PREFIXn` up to `count`, the snapshot behind all but the last two.
    void deposits(JournaledStore& store, const std::string& account_id, int count,
                  const std::string& prefix = "") {
        std::vector<Commit> commits;
        for (int i = 1; i <= count; ++i)
            commits.push_back(commit_of({deposit(account_id, prefix + std::to_string(i))}));
        commits.back() =
            with_snapshot(std::move(commits.back()), account_id, static_cast<Version>(count - 2));
        for (const auto& one : write(store, std::move(commits))) EXPECT_TRUE(one);
    }
    /// As a server opens it whose folds of accounts begin at their snapshots.
    std::unique_ptr<JournaledStore> open_at_snapshots() {
        return open_journal(strand, path, limits, clock, 0, LetsGo::behind_snapshots, {{&account, 1}});
    }
    Page versions(JournaledStore& store, Version from, Version to, std::size_t limit = 10'000) {
        return run_to_end(strand, store.read_stream(account, "a", {By::version, from, to, limit})).value();
    }
    void on_file(const std::string& sql) {
        Database db{path, Database::Mode::write};
        db.run(sql);
    }
};

TEST_F(JournalAway, bytes_behind_the_newest_snapshot_leave_memory) {
    auto store = open();
    deposits(*store, "a", 1000);
    EXPECT_LT(store->stats().permanent_bytes, 1000 * 60u);
    EXPECT_EQ(store->stats().events, 1000u);
    const auto page = versions(*store, 1, 1000);
    ASSERT_EQ(page.events.size(), 1000u);
    for (Version v = 1; v <= 1000; ++v) {
        EXPECT_EQ(page.events[v - 1]->version(), v);
        EXPECT_EQ(page.events[v - 1]->id(), std::to_string(v));
    }
    EXPECT_EQ(page.events[0]->frame().substr(0, 4), "id: ");
    close(*store);
}

TEST_F(JournalAway, a_start_leaves_them_in_the_file) {
    auto store = open();
    deposits(*store, "a", 5000);
    const auto kept = store->stats().permanent_bytes;
    close(*store);
    store.reset();
    store = open();
    EXPECT_LE(store->stats().permanent_bytes, kept + 1000);
    EXPECT_EQ(store->stats().events, 5000u);
    EXPECT_EQ(ids(versions(*store, 4, 6)), "4 5 6");
    EXPECT_EQ(everything(*store).size(), 5000u);
    close(*store);
}

TEST_F(JournalAway, a_start_reads_indexes_alone_of_what_is_below_snapshots) {
    auto store = open();
    deposits(*store, "a", 2000);
    for (int i = 1; i <= 3; ++i) EXPECT_TRUE(write(*store, commit_of({deposit("other", std::to_string(i))})));
    EXPECT_TRUE(write(*store, commit_of({deposit("mixed", "1")})));
    EXPECT_TRUE(write(*store, commit_of({deposit("mixed", "2", "bob")})));
    EXPECT_TRUE(write(*store, with_snapshot(commit_of({deposit("mixed", "3")}), "mixed", 3)));
    const auto before = everything(*store);
    for (unsigned round = 0; round < 2; ++round) {
        close(*store);
        store.reset();
        store = open_at_snapshots();
        const auto after = everything(*store);
        ASSERT_EQ(after.size(), before.size() + round);
        for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(after[i]->frame(), before[i]->frame());
        EXPECT_LT(store->stats().permanent_bytes, 2000 * 60u);
        EXPECT_EQ(store->stats().events, after.size());
        EXPECT_EQ(ids(run_to_end(strand, store->read_subject("bob", categories, {})).value()), "2");
        EXPECT_EQ(ids(versions(*store, 999, 1001)), "999 1000 1001");
        const auto written =
            write(*store,
                  {commit_of({deposit("a", "7")}),
                   commit_of({draft("a", "10", {.body = "other", .category = &account})}),
                   commit_of({deposit("a", "new" + std::to_string(round))}, Expected::exact(2000 + round))});
        EXPECT_TRUE(written[0] && written[0]->deduplicated && written[0]->version == 7);
        EXPECT_EQ(refusal(written[1]), errc::idempotency_conflict);
        EXPECT_TRUE(written[2]);
    }
    Commit gone;
    gone.erase = {{&account, "a"}};
    ASSERT_TRUE(write(*store, std::move(gone)));
    EXPECT_EQ(everything(*store).size(), 6u);
    close(*store);
}

// What it is not given is below the first that it is given of that stream.
TEST_F(JournalAway, a_start_gives_the_feed_what_is_behind_snapshots) {
    auto store = open();
    deposits(*store, "a", 2000);
    deposits(*store, "b", 3);
    ASSERT_TRUE(run_to_end(strand, store->save_snapshot(account, "b", {2, 9, "of another schema"}, false)));
    close(*store);
    store.reset();
    auto file = JournalFile::open({path, 0, categories});
    ASSERT_TRUE(file);
    store = std::make_unique<JournaledStore>(strand, std::move(*file), limits, 0, clock);
    store->begin_at({{&account, 1}});
    std::vector<std::string> given, again;
    const auto into = [](std::vector<std::string>& list) {
        return [&list](std::span<const EventRef> events, Position) -> awaitable<void> {
            for (const auto& event : events)
                list.push_back(std::string{event->stream_id()} + std::to_string(event->version()));
            co_return;
        };
    };
    FeedReader reader{strand, *store, into(given)}, later{strand, *store, into(again)};
    run_to_end(strand, [](JournaledStore& of, FeedReader& first, FeedReader& second) -> awaitable<bool> {
        const aio::Stop never;
        first.start();
        EXPECT_TRUE(co_await of.load(never));
        EXPECT_TRUE(co_await first.wait_applied(of.head(), 30s));
        co_await first.stop();
        second.start();
        EXPECT_TRUE(co_await second.wait_applied(of.head(), 30s));
        co_await second.stop();
        co_return true;
    }(*store, reader, later));
    EXPECT_EQ(given, (std::vector<std::string>{"a1998", "a1999", "a2000", "b1", "b2", "b3"}));
    EXPECT_EQ(again.size(), 2003u);
    close(*store);
}

TEST_F(JournalAway, a_bound_counts_what_is_in_memory) {
    limits.permanent_max_bytes = 256 * 1024;
    auto store = open();
    for (int round = 0; round < 20; ++round) deposits(*store, "a" + std::to_string(round), 200);
    EXPECT_EQ(store->head(), 4000u) << "a megabyte of events passed through a quarter of one";
    close(*store);
}

TEST_F(JournalAway, a_repeat_is_judged_by_the_row) {
    auto store = open();
    deposits(*store, "a", 100);
    const auto again =
        write(*store, {commit_of({deposit("a", "7")}), commit_of({deposit("a", "8"), deposit("a", "9")}),
                       commit_of({draft("a", "10", {.body = "other", .category = &account})}),
                       commit_of({deposit("a", "11"), deposit("a", "new")}),
                       commit_of({deposit("a", "101")}, Expected::exact(100))});
    ASSERT_TRUE(again[0]);
    EXPECT_TRUE(again[0]->deduplicated);
    EXPECT_EQ(again[0]->version, 7u);
    EXPECT_EQ(again[0]->position, 7u);
    ASSERT_TRUE(again[1]);
    EXPECT_EQ(again[1]->version, 9u);
    EXPECT_EQ(refusal(again[2]), errc::idempotency_conflict);
    EXPECT_EQ(refusal(again[3]), errc::partly_known);
    ASSERT_TRUE(again[4]);
    EXPECT_FALSE(again[4]->deduplicated);
    EXPECT_EQ(store->head(), 101u);
    const auto found = run_to_end(strand, store->find_event(account, "a", "7")).value();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->version(), 7u);
    close(*store);
}

TEST_F(JournalAway, a_row_that_cannot_be_read_refuses_what_may_repeat_it) {
    auto store = open();
    deposits(*store, "a", 100);
    on_file("UPDATE events SET data=replace(data, 'x', 'y') WHERE position=7");
    const auto read = run_to_end(strand, store->read_stream(account, "a", {By::version, 1, 10, 10}));
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, errc::unavailable);
    const auto results = write(*store, {commit_of({deposit("a", "101")}), commit_of({deposit("a", "7")}),
                                        commit_of({deposit("a", "102")})});
    EXPECT_TRUE(results[0]);
    EXPECT_EQ(refusal(results[1]), errc::unavailable);
    EXPECT_EQ(refusal(results[2]), errc::unavailable) << "nothing is written behind it";
    EXPECT_EQ(ids(versions(*store, 8, 10)), "8 9 10");
    close(*store);
}

TEST_F(JournalAway, subjects_of_a_stream_with_several_are_told_what_they_lost) {
    auto store = open();
    write(*store, {commit_of({deposit("a", "1")}), commit_of({deposit("a", "2", "bob")}),
                   with_snapshot(commit_of({deposit("a", "3")}), "a", 3)});
    const auto subject = [&](std::string_view name) {
        return ids(run_to_end(strand, store->read_subject(name, categories, {})).value());
    };
    EXPECT_EQ(subject("ann"), "1 3");
    EXPECT_EQ(subject("bob"), "2");
    Commit gone;
    gone.erase = {{&account, "a"}};
    ASSERT_TRUE(write(*store, std::move(gone)));
    EXPECT_EQ(subject("ann") + subject("bob"), "");
    EXPECT_EQ(run_to_end(strand, store->subject_lost_through("ann", categories)).value(), 3u);
    EXPECT_EQ(run_to_end(strand, store->subject_lost_through("bob", categories)).value(), 2u);
    EXPECT_TRUE(write(*store, commit_of({deposit("a", "1")}, Expected::no_stream())));
    close(*store);
    store.reset();
    store = open();
    EXPECT_EQ(everything(*store).size(), 1u);
    close(*store);
}

TEST_F(JournalAway, what_is_erased_while_it_is_read_is_left_out_and_told) {
    auto store = open();
    deposits(*store, "a", 2000);
    deposits(*store, "b", 10, "b");
    std::optional<Page> page;
    asio::co_spawn(
        strand,
        [](JournaledStore& of, std::optional<Page>& into) -> awaitable<void> {
            auto read = co_await of.read_all({.limit = 5000});
            EXPECT_TRUE(read);
            if (read) into = std::move(*read);
        }(*store, page),
        asio::detached);
    Commit gone;
    gone.erase = {{&account, "a"}};
    ASSERT_TRUE(write(*store, std::move(gone)));
    for (int i = 0; i < 1000 && !page; ++i) {
        io.restart();
        io.run_for(10ms);
    }
    ASSERT_TRUE(page);
    EXPECT_LE(page->events.size(), 12u) << "the two of them that were in memory may have been read before";
    EXPECT_EQ(page->lost_through, 2000u);
    EXPECT_EQ(page->through, 2010u);
    close(*store);
}

TEST_F(JournalAway, what_the_feed_lacks_stays) {
    auto store = open();
    store->feed().read_through(0);
    deposits(*store, "a", 100);
    const auto whole = store->stats().permanent_bytes;
    store->feed().read_through(50);
    store->feed().read_through(100);
    EXPECT_LT(store->stats().permanent_bytes, whole - 90 * 200);
    close(*store);
}

// A log that a reader held would grow without end.
TEST_F(JournalAway, reading_keeps_no_view_of_the_file_open) {
    auto store = open();
    deposits(*store, "a", 1000);
    EXPECT_EQ(versions(*store, 1, 1000).events.size(), 1000u);
    {
        Database db{path, Database::Mode::write};
        int in_log = 0, moved = 0;
        EXPECT_EQ(sqlite3_wal_checkpoint_v2(db.get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, &in_log, &moved),
                  SQLITE_OK);
    }
    close(*store);
}

}  // namespace
}  // namespace stepcast::store::test
