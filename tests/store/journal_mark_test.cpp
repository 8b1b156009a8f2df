// What was acknowledged is there at the next start, or that start is refused: logs, marks, backups.
#include <sqlite3.h>

#include <atomic>
#include <fstream>
#include <sstream>

#include "store/journal/tools.hpp"
#include "store/journal_fixture.hpp"
#include "store/shim_vfs.hpp"

namespace stepcast::store::test {
namespace {

using JournalMark = JournalHands;

void flip_bit(const std::string& file, std::streamoff from_end) {
    std::fstream stream{file, std::ios::in | std::ios::out | std::ios::binary | std::ios::ate};
    const auto at = stream.tellg() - from_end;
    stream.seekg(at);
    const int byte = stream.get();
    stream.seekp(at);
    stream.put(static_cast<char>(byte ^ 1));
}

TEST_F(JournalMark, a_mark_is_never_behind_an_acknowledgement_and_never_ahead_of_the_disk) {
    std::atomic<bool> failing{false};
    const ShimVfs shim{[&](ShimVfs::Call call) {
        return failing && call == ShimVfs::Call::sync ? SQLITE_IOERR_FSYNC : SQLITE_OK;
    }};
    auto store = open();
    for (int i = 1; i <= 20; ++i) {
        ASSERT_TRUE(insist(*store, "a", std::to_string(i)));
        EXPECT_EQ(Mark::read(path)->position, static_cast<Position>(i));
    }
    const auto group = Mark::read(path)->group;
    Commit only_a_source;
    only_a_source.source = {"group", "topic", 0, 1};
    ASSERT_TRUE(run_to_end(strand, store->commit_many({&only_a_source, 1}))[0]);
    EXPECT_GT(Mark::read(path)->group, group) << "what holds no event is marked, too";
    failing = true;
    EXPECT_EQ(first_answer(*store, "21"), errc::unavailable);
    EXPECT_EQ(Mark::read(path)->position, 20u);
    failing = false;
    EXPECT_TRUE(becomes(*store, true));
    EXPECT_EQ(Mark::read(path)->position, 21u);
    fs::remove(path + "-mark");
    ASSERT_TRUE(insist(*store, "a", "22"));
    EXPECT_EQ(Mark::read(path)->position, 22u) << "made again";
    close(*store);
}

TEST_F(JournalMark, a_head_below_the_last_event_is_raised_to_it) {
    auto store = open();
    for (int i = 1; i <= 5; ++i) ASSERT_TRUE(insist(*store, "a", std::to_string(i)));
    close(*store);
    store.reset();
    {
        Database db{path, Database::Mode::write};
        bool as_written = true;
        auto meta = JournalMeta::read(db, as_written);
        meta.head = 3;
        meta.write(db);
        fs::remove(path + "-mark");
        EXPECT_TRUE(MarkWriter{path}.write({meta.epoch, 3, meta.group, meta.group}));
    }
    EXPECT_EQ(check_journal(path, categories, {})->head, 5u);
    store = open();
    EXPECT_EQ(store->head(), 5u);
    EXPECT_EQ(insist(*store, "a", "6")->position, 6u);
    EXPECT_EQ(Mark::read(path)->position, 6u);
    close(*store);
    store.reset();
    store = open();
    EXPECT_EQ(everything(*store).size(), 6u);
    close(*store);
}

TEST_F(JournalMark, a_log_that_lost_something_refuses_the_start_with_both_numbers) {
    auto store = open();
    for (int i = 1; i <= 30; ++i) ASSERT_TRUE(insist(*store, "a", std::to_string(i)));
    const std::string epoch{store->epoch()};
    const auto whole = crashed("whole");
    for (const auto* harm : {"flipped", "deleted", "cut"}) {
        SCOPED_TRACE(harm);
        const auto image = crashed(harm);
        if (harm == std::string_view{"flipped"}) flip_bit(image + "-wal", 3 * 4120 + 100);
        if (harm == std::string_view{"deleted"}) fs::remove(image + "-wal");
        if (harm == std::string_view{"cut"})
            fs::resize_file(image + "-wal", fs::file_size(image + "-wal") - 1);
        for (int attempt = 0; attempt < 2; ++attempt) {
            const auto said = why_not(image);
            EXPECT_NE(said.find("holds less than was acknowledged: it ends at position "), std::string::npos)
                << said;
            EXPECT_NE(said.find("its mark says 30 "), std::string::npos) << said;
            EXPECT_NE(said.find("stepcast journal repair " + image), std::string::npos) << said;
        }
        const auto report = check_journal(image, categories, {});
        ASSERT_TRUE(report && !report->problems.empty());
        EXPECT_NE(report->problems[0].find("less than was acknowledged"), std::string::npos);
        EXPECT_FALSE(backup_journal(image, image + "-backup"));
        EXPECT_FALSE(compact_journal(image, categories));
        std::ostringstream out;
        EXPECT_FALSE(export_journal(image, categories, out, {}));

        const auto repair = repair_journal(image, categories, {});
        ASSERT_TRUE(repair) << repair.error().detail;
        EXPECT_TRUE(fs::exists(repair->damaged_file));
        EXPECT_FALSE(repair->whole()) << "what was acknowledged is not there";
        const auto again = JournalFile::open({image, 0, categories});
        ASSERT_TRUE(again) << again.error().detail;
        EXPECT_NE((*again)->epoch(), epoch) << "clients are told";
        EXPECT_EQ((*again)->head(), 30u) << "no position is given twice";
    }
    EXPECT_EQ(why_not(whole), "opened");
    close(*store);
}

TEST_F(JournalMark, a_mark_without_its_journal_refuses_a_fresh_start) {
    auto store = open();
    ASSERT_TRUE(insist(*store, "a", "1"));
    close(*store);
    store.reset();
    fs::remove(path);
    EXPECT_NE(why_not(path).find("is not there, but"), std::string::npos) << why_not(path);
    EXPECT_FALSE(fs::exists(path));
    std::ofstream{path}.close();
    EXPECT_NE(why_not(path).find("less than was acknowledged"), std::string::npos) << why_not(path);
    fs::remove(path + "-mark");
    EXPECT_EQ(why_not(path), "opened");
}

TEST_F(JournalMark, a_mark_that_cannot_be_believed_or_is_of_another_history_is_dropped) {
    auto store = open();
    ASSERT_TRUE(insist(*store, "a", "1"));
    ASSERT_TRUE(backup_journal(path, folder.file("backup")));
    ASSERT_TRUE(insist(*store, "a", "2"));
    close(*store);
    store.reset();
    flip_bit(path + "-mark", 100);
    EXPECT_EQ(why_not(path), "opened");
    EXPECT_FALSE(fs::exists(path + "-mark"));
    commits(path, "3");
    // A backup without a log beside it: its own history, of which the mark knows nothing.
    fs::copy(folder.file("backup"), path, fs::copy_options::overwrite_existing);
    EXPECT_EQ(why_not(path), "opened");
    EXPECT_FALSE(fs::exists(path + "-mark"));
    commits(path, "2");
    EXPECT_EQ(Mark::read(path)->position, 2u);
}

TEST_F(JournalMark, a_backup_over_the_log_of_what_was_there_is_named_and_not_touched) {
    const auto image = backup_under_an_old_log();
    for (int attempt = 0; attempt < 2; ++attempt) {
        const auto said = why_not(image);
        EXPECT_NE(said.find(image + "-wal is not the log of " + image), std::string::npos) << said;
        EXPECT_NE(said.find("stepcast journal restore BACKUP " + image), std::string::npos) << said;
    }
    EXPECT_FALSE(check_journal(image, categories, {}));
    EXPECT_FALSE(repair_journal(image, categories, {}));
    for (const auto* suffix : {"-wal", "-shm", "-mark"}) fs::remove(image + suffix);
    EXPECT_EQ(why_not(image), "opened");
    EXPECT_EQ(check_journal(image, categories, {})->events, 1u);
}

TEST_F(JournalMark, an_older_copy_under_a_newer_log_of_the_same_journal_is_named) {
    commits(path, "1");
    fs::copy(path, folder.file("old"));
    commits(path, "2");
    auto store = open();
    ASSERT_TRUE(insist(*store, "a", "3"));
    const auto image = crashed("image");
    EXPECT_EQ(why_not(crashed("whole")), "opened");
    fs::copy(folder.file("old"), image, fs::copy_options::overwrite_existing);
    EXPECT_NE(why_not(image).find("is not the log of"), std::string::npos) << why_not(image);
    close(*store);
}

TEST_F(JournalMark, a_restore_puts_a_backup_in_place_whole) {
    const auto image = backup_under_an_old_log();
    const auto backup = folder.file("backup");
    const auto aside = restore_journal(backup, image, categories, {});
    ASSERT_TRUE(aside) << aside.error().detail;
    for (const auto* suffix : {"", "-wal", "-mark"}) EXPECT_TRUE(fs::exists(*aside + suffix)) << suffix;
    for (const auto* suffix : {"-wal", "-shm", "-mark", ".restored"})
        EXPECT_FALSE(fs::exists(image + suffix)) << suffix;
    EXPECT_EQ(check_journal(image, categories, {})->epoch, check_journal(backup, categories, {})->epoch);
    commits(image, "2");
    {
        const auto held = JournalFile::open({image, 0, categories});
        ASSERT_TRUE(held);
        const auto refused = restore_journal(backup, image, categories, {});
        ASSERT_FALSE(refused);
        EXPECT_NE(refused.error().detail.find("in use"), std::string::npos);
    }
    EXPECT_FALSE(restore_journal(image, image, categories, {})) << "itself";
    const auto none = restore_journal(backup, folder.file("new"), categories, {});
    ASSERT_TRUE(none) << none.error().detail;
    EXPECT_EQ(*none, "");
    EXPECT_EQ(why_not(folder.file("new")), "opened");
    // Of a journal that was deleted its log and mark may be left.
    for (const auto* suffix : {"-wal", "-mark"}) fs::copy(*aside + suffix, folder.file("rest") + suffix);
    ASSERT_TRUE(restore_journal(backup, folder.file("rest"), categories, {}));
    EXPECT_EQ(why_not(folder.file("rest")), "opened");
    fs::resize_file(backup, fs::file_size(backup) - 4096);
    EXPECT_FALSE(restore_journal(backup, image, categories, {})) << "damaged";
    EXPECT_EQ(check_journal(image, categories, {})->events, 2u) << "as it was";
}

TEST_F(JournalMark, a_changed_head_is_damage_and_a_repair_finds_the_true_one) {
    auto store = open();
    for (int i = 1; i <= 10; ++i) ASSERT_TRUE(insist(*store, "a", std::to_string(i)));
    close(*store);
    store.reset();
    Database{path, Database::Mode::write}.run("UPDATE meta SET value=4 WHERE name='head'");
    EXPECT_NE(why_not(path).find("its head is not what was written"), std::string::npos) << why_not(path);
    const auto report = check_journal(path, categories, {});
    ASSERT_TRUE(report) << report.error().detail;
    EXPECT_NE(report->problems.at(0).find("its head is not what was written"), std::string::npos);
    const auto repair = repair_journal(path, categories, {});
    ASSERT_TRUE(repair) << repair.error().detail;
    EXPECT_EQ(repair->kept, 10u);
    EXPECT_EQ(JournalFile::open({path, 0, categories}).value()->head(), 10u);
}

}  // namespace
}  // namespace stepcast::store::test
