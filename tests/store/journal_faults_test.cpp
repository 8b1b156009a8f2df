// What the journal does when the disk, the file or the process fails.
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <random>
#include <set>
#include <thread>

#include "store/journal/tools.hpp"
#include "store/journal_fixture.hpp"
#include "store/shim_vfs.hpp"

namespace stepcast::store::test {
namespace {

using JournalFaults = JournalTest;

/// The `nth` call of those that a group makes fails once, with what the disk would say.
TEST_F(JournalFaults, every_call_to_the_disk_may_fail_and_nothing_acknowledged_is_lost) {
    int reached = 0;
    for (int nth = 1; nth < 400; ++nth) {
        SCOPED_TRACE(nth);
        const std::string here = folder.file("journal" + std::to_string(nth));
        std::atomic<bool> armed{false};
        int calls = 0;
        bool failed = false;
        const ShimVfs shim{[&](ShimVfs::Call call) {
            if (!armed || failed || ++calls != nth) return SQLITE_OK;
            failed = true;
            switch (call) {
                case ShimVfs::Call::write:
                    return nth % 2 == 0 ? SQLITE_FULL : SQLITE_IOERR_WRITE;
                case ShimVfs::Call::sync:
                    return SQLITE_IOERR_FSYNC;
                case ShimVfs::Call::read:
                    return SQLITE_IOERR_READ;
                case ShimVfs::Call::lock:
                    return SQLITE_BUSY;
                default:
                    return SQLITE_IOERR;
            }
        }};
        path = here;
        {
            auto store = open();
            armed = true;
            for (int i = 0; i < 12; ++i) {
                const auto id = std::to_string(i);
                const DraftOptions large{.lifecycle = Lifecycle::ends, .body = std::string(3000, 'x')};
                auto one = commit_of({draft("s" + std::to_string(i % 4), id, large)});
                one.inbox = {"consumer", id, clock.at + 24h};
                one.timers = {{"t", clock.at, "kind", id}};
                ASSERT_TRUE(run_to_end(strand, insist_on(*store, std::move(one))));
                if (i == 8) clock.at += 11min;
                if (i == 9) run_to_end(strand, store->cleanup(clock.at)).value();
            }
            armed = false;
            EXPECT_TRUE(store->healthy()) << "it recovers by itself";
            close(*store);
        }
        auto again = open();
        std::set<std::string> found;
        for (const auto& event : everything(*again)) EXPECT_TRUE(found.emplace(event->id()).second);
        for (const int kept : {9, 10, 11}) EXPECT_TRUE(found.contains(std::to_string(kept))) << kept;
        EXPECT_EQ(again->head(), 12u);
        const auto timers = run_to_end(strand, again->due(clock.at, 10)).value();
        ASSERT_EQ(timers.size(), 1u);
        EXPECT_EQ(timers[0].payload, "11");
        std::vector<Commit> handled(12);
        for (int i = 0; i < 12; ++i) handled[i].inbox = {"consumer", std::to_string(i), clock.at + 24h};
        for (const auto& known : run_to_end(strand, again->commit_many(handled)))
            EXPECT_TRUE(known && known->deduplicated);
        close(*again);
        if (!failed) break;
        reached = nth;
    }
    EXPECT_GT(reached, 30);
    EXPECT_LT(reached, 399) << "not every call was reached";
}

TEST_F(JournalFaults, while_the_disk_refuses_nothing_is_taken_and_reads_go_on) {
    std::atomic<int> code{SQLITE_OK};
    const ShimVfs shim{[&](ShimVfs::Call call) {
        return call == ShimVfs::Call::write || call == ShimVfs::Call::sync ? code.load() : SQLITE_OK;
    }};
    auto store = open();
    ASSERT_TRUE(insist(*store, "a", "1"));
    for (const int says : {SQLITE_IOERR_WRITE, SQLITE_FULL}) {
        code = says;
        auto commit = commit_of({draft("a", "new" + std::to_string(says))});
        EXPECT_EQ(refusal(value_of(store->commit_many({&commit, 1}))[0]), errc::unavailable);
        EXPECT_FALSE(store->healthy());
        code = SQLITE_OK;
        io.run_for(3s);
        EXPECT_TRUE(store->healthy());
        const auto again = run_to_end(strand, insist_on(*store, commit));
        ASSERT_TRUE(again);
        EXPECT_TRUE(again->deduplicated) << "it was numbered, and is written once";
    }
    EXPECT_EQ(everything(*store).size(), 3u);
    close(*store);
}

/// A disk is full for a while: whatever the bound, nothing goes for it, and all goes on behind it.
TEST_F(JournalFaults, a_full_disk_deletes_nothing_that_no_bound_of_ours_asks_for) {
    for (const std::uint64_t bound : {0, 1 << 20}) {
        SCOPED_TRACE(bound);
        path = folder.file("journal" + std::to_string(bound));
        std::atomic<int> refusals{0};
        const ShimVfs shim{[&](ShimVfs::Call call) {
            return call == ShimVfs::Call::write && refusals > 0 ? (--refusals, SQLITE_FULL) : SQLITE_OK;
        }};
        auto store = open(bound);
        for (int i = 0; i < 5; ++i)
            ASSERT_TRUE(insist(*store, "done" + std::to_string(i), "1", {.lifecycle = Lifecycle::ends}));
        store->feed().read_through(store->head());
        refusals = 4;
        auto commit = commit_of({draft("a", "1")});
        EXPECT_EQ(refusal(run_to_end(strand, store->commit_many({&commit, 1}))[0]), errc::unavailable);
        EXPECT_FALSE(run_to_end(strand, store->stream_info(task, "done0")).value().version == 0);
        while (!store->healthy()) io.run_for(10ms);
        io.run_for(100ms);
        // Each of these changes nothing, so it waits only for what is there.
        EXPECT_TRUE(run_to_end(strand, store->due(clock.at, 1)));
        EXPECT_TRUE(run_to_end(strand, store->outbox(0, 1)));
        EXPECT_TRUE(run_to_end(strand, store->commit_many({&commit, 1}))[0]->deduplicated);
        EXPECT_EQ(store->stats().expired, 0u);
        EXPECT_EQ(everything(*store).size(), 6u);
        close(*store);
    }
}

/// The group is larger than the bound leaves room for, and nobody made room before it.
TEST_F(JournalFaults, a_group_that_our_bound_refuses_is_told_from_a_full_disk) {
    auto file = JournalFile::open({path, 1 << 20, categories});
    ASSERT_TRUE(file);
    JournalGroup large;
    for (Position position = 1; position <= 400; ++position)
        large.events.push_back(
            Event::seal(draft("s", std::to_string(position), {.body = std::string(4000, 'x')}), position,
                        position, clock.at, (*file)->epoch()));
    const auto refused = (*file)->write(large, 400);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, journal_errc::full) << refused.error().detail;
    large.events.resize(100);
    EXPECT_TRUE((*file)->write(large, 100)) << "the bound is in force again, the journal as it was";
    EXPECT_EQ((*file)->read_events(0, 1000)->events.size(), 100u);
    EXPECT_EQ((*file)->head(), 100u);
}

/// What was refused goes once more, with what came since and without what may go for it.
TEST_F(JournalFaults, a_group_that_grew_behind_a_refusal_says_where_it_ends) {
    const auto at = [&](JournalFile& file, Position position) {
        return Event::seal(draft("s", std::to_string(position), {.body = std::string(4000, 'x')}), position,
                           position, clock.at, file.epoch());
    };
    auto file = JournalFile::open({path, 1 << 20, categories});
    ASSERT_TRUE(file);
    JournalGroup group;
    for (Position position = 1; position <= 400; ++position) group.events.push_back(at(**file, position));
    ASSERT_EQ((*file)->write(group, 400).error().code, journal_errc::full);
    JournalGroup since;
    for (Position position = 1; position <= 300; ++position) since.removed.push_back(position);
    since.events.push_back(at(**file, 401));
    group.join(std::move(since));
    group.arrange();
    ASSERT_TRUE((*file)->write(group, 401));
    EXPECT_EQ((*file)->head(), 401u);
    EXPECT_EQ(Mark::read(path)->position, 401u);
    file->reset();
    Database db{path, Database::Mode::read};
    bool as_written = true;
    EXPECT_EQ(JournalMeta::read(db, as_written).head, 401u);
}

TEST_F(JournalFaults, at_its_bound_the_oldest_finished_go_and_running_ones_are_refused) {
    auto store = open(1 << 20);
    const DraftOptions large{.lifecycle = Lifecycle::ends, .body = std::string(4000, 'x')};
    for (int i = 0; i < 1000; ++i) {
        clock.at += 1ms;
        store->feed().read_through(store->head());
        ASSERT_TRUE(insist(*store, "t" + std::to_string(i), "1", large)) << i;
    }
    EXPECT_LE(std::filesystem::file_size(path), std::uintmax_t{1 << 20});
    EXPECT_EQ(run_to_end(strand, store->stream_info(task, "t999")).value().version, 1u);
    EXPECT_EQ(run_to_end(strand, store->stream_info(task, "t0")).value().version, 0u);
    close(*store);

    path = folder.file("other");
    store = open(1 << 20);
    int taken = 0;
    errc why{};
    for (; taken < 1000 && why == errc{}; ++taken) {
        auto one = commit_of({draft("r" + std::to_string(taken), "1", {.body = large.body})});
        why = refusal(run_to_end(strand, store->commit_many({&one, 1}))[0]);
    }
    EXPECT_EQ(why, errc::full);
    EXPECT_GT(taken, 100);
    EXPECT_TRUE(store->healthy()) << "full is no failure of the disk";
    close(*store);
}

TEST_F(JournalFaults, what_expired_is_deleted_and_the_file_shrinks) {
    auto store = open();
    const DraftOptions large{.lifecycle = Lifecycle::ends, .body = std::string(4000, 'x')};
    for (int i = 0; i < 300; ++i) ASSERT_TRUE(insist(*store, "t" + std::to_string(i), "1", large));
    close(*store);
    store.reset();
    const auto before = std::filesystem::file_size(path);
    ASSERT_GT(before, std::uintmax_t{1'200'000});
    store = open();
    clock.at += 11min;
    while (!run_to_end(strand, store->cleanup(clock.at)).value().done) {
    }
    close(*store);
    store.reset();
    EXPECT_LT(std::filesystem::file_size(path), before / 2);
}

TEST_F(JournalFaults, a_crash_behind_any_group_of_an_expiry_hides_what_it_began_to_remove) {
    auto store = open();
    std::vector<Commit> commits;
    for (int i = 0; i < 10'000; ++i) commits.push_back(commit_of({draft("big", std::to_string(i))}));
    for (const auto& one : run_to_end(strand, store->commit_many(commits))) ASSERT_TRUE(one);
    clock.at += 61min;
    // The loss is written with the first of several groups; what is on the disk then is what a crash leaves.
    run_to_end(strand, store->cleanup(clock.at)).value();
    std::filesystem::copy(path, folder.file("crashed"));
    std::filesystem::copy(path + "-wal", folder.file("crashed-wal"));
    close(*store);
    store.reset();
    path = folder.file("crashed");
    store = open();
    EXPECT_TRUE(everything(*store).empty());
    EXPECT_EQ(run_to_end(strand, store->stream_info(task, "big")).value().lost_through, 10'000u);
    close(*store);
}

TEST_F(JournalFaults, what_cannot_be_opened_is_named_with_a_way_out) {
    close(*open());
    {
        const auto held = JournalFile::open({path, 0, categories});
        ASSERT_TRUE(held);
        EXPECT_NE(refusal_to_open().find("is in use by another Stepcast"), std::string::npos);
        const auto real = std::exchange(path, folder.file("link"));
        std::filesystem::create_symlink(real, path);
        EXPECT_NE(refusal_to_open().find("is in use by another Stepcast"), std::string::npos);
        EXPECT_FALSE(repair_journal(path, categories, {})) << "by its other name neither";
        path = real;
    }
    {
        std::filesystem::create_hard_link(path, folder.file("second"));
        EXPECT_NE(refusal_to_open().find("has a second name"), std::string::npos);
        std::filesystem::remove(folder.file("second"));
    }
    {
        Database other{path, Database::Mode::write};
        other.run("PRAGMA locking_mode=EXCLUSIVE");
        other.run("BEGIN IMMEDIATE; UPDATE meta SET value=value");
        EXPECT_NE(refusal_to_open().find("is locked by another process"), std::string::npos);
    }
    EXPECT_EQ(refusal_to_open(), "opened");
    Database{path, Database::Mode::write}.run("PRAGMA user_version=99");
    EXPECT_NE(refusal_to_open().find("was written by a newer Stepcast (schema 99"), std::string::npos);
    Database{path, Database::Mode::write}.run("PRAGMA user_version=2; PRAGMA application_id=7");
    EXPECT_NE(refusal_to_open().find("is a database of something else"), std::string::npos);

    path = folder.file("text");
    std::ofstream{path} << std::string(10'000, 'x');
    EXPECT_NE(refusal_to_open().find("is no journal"), std::string::npos);
    path = folder.file("nowhere/journal");
    EXPECT_NE(refusal_to_open().find("there is no folder"), std::string::npos);
    path = folder.file("read-only");
    close(*open());
    const ShimVfs shim{
        [](ShimVfs::Call call) { return call == ShimVfs::Call::write ? SQLITE_READONLY : SQLITE_OK; }};
    EXPECT_NE((refusal_to_open() + "cannot be written").find("cannot be written"), std::string::npos);
}

TEST_F(JournalFaults, a_damaged_row_stops_the_start_and_says_where) {
    auto store = open();
    for (int i = 0; i < 50; ++i)
        ASSERT_TRUE(insist(*store, "a", std::to_string(i), {.body = "body" + std::to_string(i)}));
    close(*store);
    store.reset();
    {
        std::fstream file{path, std::ios::in | std::ios::out | std::ios::binary};
        std::string bytes{std::istreambuf_iterator<char>{file}, {}};
        const auto at = bytes.find("body30");
        ASSERT_NE(at, std::string::npos);
        file.clear();
        file.seekp(static_cast<std::streamoff>(at));
        file << "b0dy";
    }
    try {
        open();
        FAIL() << "it was opened";
    } catch (const std::runtime_error& e) {
        EXPECT_NE(std::string{e.what()}.find("the event at position 31 is not what was written"),
                  std::string::npos)
            << e.what();
    }
}

/// A process that commits as fast as it can and says on `out` what was acknowledged, until it is killed.
[[noreturn]] void commit_until_killed(const std::string& path, int round, int out) {
    asio::io_context io;
    const auto strand = asio::make_strand(io);
    const TestClock clock;
    auto store = open_journal(strand, path, {}, clock);
    for (int i = 0;; ++i) {
        std::vector<Commit> group;
        for (int j = 0; j < 1 + i % 7; ++j) {
            const auto id = std::to_string(round) + "-" + std::to_string(i) + "-" + std::to_string(j);
            group.push_back(commit_of(
                {draft("s" + std::to_string(j), id + "a"), draft("s" + std::to_string(j), id + "b")}));
        }
        const auto results = run_to_end(strand, store->commit_many(group));
        for (std::size_t j = 0; j < results.size(); ++j) {
            const std::string line = std::string{group[j].appends[0].events[0]->id()} + "\n";
            if (!results[j] || ::write(out, line.data(), line.size()) < 0) _exit(3);
        }
    }
}

TEST_F(JournalFaults, fifty_kills_lose_nothing_that_was_acknowledged_and_leave_no_half_commit) {
    std::mt19937 random{7};
    std::set<std::string> acknowledged;
    for (int round = 0; round < 50; ++round) {
        int ends[2];
        ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        const pid_t child = ::fork();
        if (child == 0) commit_until_killed(path, round, ends[1]);
        ::close(ends[1]);
        // It is killed somewhere behind its nth acknowledgement.
        std::string said;
        const auto enough = 1 + random() % 400;
        char buffer[256];
        while (said.size() < enough) {
            const auto n = ::read(ends[0], buffer, sizeof buffer);
            if (n <= 0) break;
            said.append(buffer, static_cast<std::size_t>(n));
        }
        ::kill(child, SIGKILL);
        for (ssize_t n; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;)
            said.append(buffer, static_cast<std::size_t>(n));
        ::close(ends[0]);
        int status = 0;
        ::waitpid(child, &status, 0);
        ASSERT_TRUE(WIFSIGNALED(status)) << "round " << round << ": it ended by itself";
        std::istringstream lines{said.substr(0, said.rfind('\n') + 1)};
        for (std::string id; std::getline(lines, id);) acknowledged.insert(id);
    }
    auto store = open();
    std::set<std::string> found;
    Position position = 0;
    for (const auto& event : everything(*store)) {
        EXPECT_TRUE(found.emplace(event->id()).second);
        EXPECT_EQ(event->position(), ++position);
    }
    EXPECT_GT(acknowledged.size(), 500u);
    for (const auto& id : acknowledged) EXPECT_TRUE(found.contains(id)) << id;
    for (const auto& id : found) {
        const auto other = id.substr(0, id.size() - 1) + (id.back() == 'a' ? 'b' : 'a');
        EXPECT_TRUE(found.contains(other)) << "half a commit: " << id;
    }
    close(*store);
}

}  // namespace
}  // namespace stepcast::store::test
