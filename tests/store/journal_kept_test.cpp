// Snapshots that stay beside the newest ones of their streams, as a journal's file holds them.
#include <sstream>

#include "store/journal_fixture.hpp"

namespace stepcast::store::test {
namespace {

class JournalKept : public JournalTest {
  protected:
    JournalKept() { limits.snapshot_stays_every = 16; }

    std::unique_ptr<JournaledStore> open(const std::string& name) {
        return open_journal(strand, folder.file(name), limits, clock);
    }
    void commit(JournaledStore& store, Commit one) {
        ASSERT_TRUE(run_to_end(strand, store.commit_many({&one, 1}))[0]);
    }
    /// A stream that never expires, of 40 events; of the snapshots at 9, 18, 27 and 36 those at 18 and 36 are
    /// the first behind a multiple of 16, and stay.
    void fill(const std::string& name) {
        auto store = open(name);
        for (int i = 1; i <= 40; ++i) {
            auto one = commit_of({draft("a", std::to_string(i), {.category = &account})});
            if (i % 9 == 0)
                one.snapshots = {{&account, "a", {static_cast<Version>(i), 1, "as of " + std::to_string(i)}}};
            commit(*store, one);
        }
        close(*store);
    }
    /// The state that is saved nearest below version 35 of it.
    std::string saved_below_35(const std::string& name) {
        auto store = open(name);
        const auto found = run_to_end(strand, store->load_snapshot(account, "a", 35)).value();
        EXPECT_EQ(run_to_end(strand, store->load_snapshot(account, "a")).value()->state, "as of 36");
        close(*store);
        return found ? found->state : "none";
    }
    std::string exported(const std::string& name) {
        std::ostringstream out;
        EXPECT_TRUE(export_journal(folder.file(name), categories, out, {}));
        return out.str();
    }
    std::int64_t on_file(const std::string& name, const std::string& change, const std::string& number = "") {
        Database db{folder.file(name), Database::Mode::write};
        db.run(change);
        return number.empty() ? 0 : db.number(number);
    }
};

TEST_F(JournalKept, they_come_along_with_whatever_a_person_does) {
    fill("one");
    EXPECT_EQ(saved_below_35("one"), "as of 18");
    const auto text = exported("one");
    std::istringstream in{text};
    const auto any = [](const event::Event&) { return result<void>{}; };
    ASSERT_TRUE(import_journal(folder.file("imported"), categories, any, in, {}));
    EXPECT_EQ(exported("imported"), text);
    EXPECT_EQ(saved_below_35("imported"), "as of 18");
    ASSERT_TRUE(backup_journal(folder.file("one"), folder.file("copy")));
    EXPECT_EQ(saved_below_35("copy"), "as of 18");
    ASSERT_TRUE(restore_journal(folder.file("copy"), folder.file("restored"), categories, {}));
    EXPECT_EQ(saved_below_35("restored"), "as of 18");
    ASSERT_TRUE(compact_journal(folder.file("one"), categories));
    EXPECT_EQ(saved_below_35("one"), "as of 18");
    ASSERT_TRUE(repair_journal(folder.file("one"), categories, {}));
    EXPECT_EQ(saved_below_35("one"), "as of 18");
}

TEST_F(JournalKept, one_that_is_damaged_is_told_left_out_and_passed_over) {
    fill("one");
    for (const auto* change : {"state=replace(state, 'as', 'is')", "position=position+1", "schema=2",
                               "state=x'00'", "category='nobody''s'"}) {
        SCOPED_TRACE(change);
        fs::copy_file(folder.file("one"), folder.file("two"), fs::copy_options::overwrite_existing);
        fs::remove(folder.file("two-mark"));
        on_file("two", std::string{"UPDATE snapshots_kept SET "} + change + " WHERE version=18");
        const auto report = check_journal(folder.file("two"), categories, {});
        ASSERT_TRUE(report);
        ASSERT_EQ(report->problems.size(), 1u);
        EXPECT_NE(report->problems[0].find("at version 18 is not what was written"), std::string::npos)
            << report->problems[0];
        EXPECT_EQ(saved_below_35("two"), "none");
        ASSERT_TRUE(repair_journal(folder.file("two"), categories, {}));
        EXPECT_TRUE(check_journal(folder.file("two"), categories, {})->problems.empty());
        EXPECT_EQ(saved_below_35("two"), "none");
    }
}

TEST_F(JournalKept, those_of_another_stream_of_that_name_are_passed_over) {
    fill("one");
    auto store = open("two");
    ASSERT_TRUE(insist(*store, "other", "1"));
    for (int i = 1; i <= 40; ++i) {
        auto one = commit_of({draft("a", std::to_string(i), {.category = &account})});
        if (i == 36) one.snapshots = {{&account, "a", {36, 1, "as of 36"}}};
        commit(*store, one);
    }
    close(*store);
    store.reset();
    on_file("two", "ATTACH '" + folder.file("one") + "' AS one; DELETE FROM snapshots_kept;" +
                       "INSERT INTO snapshots_kept SELECT * FROM one.snapshots_kept");
    EXPECT_EQ(saved_below_35("two"), "none");
}

TEST_F(JournalKept, they_leave_the_file_with_their_stream) {
    fill("one");
    const std::string rows = "SELECT count(*) FROM snapshots_kept";
    EXPECT_EQ(on_file("one", "", rows), 2);
    auto store = open("one");
    Commit gone;
    gone.erase = {{&account, "a"}};
    commit(*store, gone);
    close(*store);
    EXPECT_EQ(on_file("one", "", rows), 0);
}

}  // namespace
}  // namespace stepcast::store::test
