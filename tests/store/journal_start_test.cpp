// A start on a journal that holds more than its bounds allow.
#include "store/journal_fixture.hpp"

namespace stepcast::store::test {
namespace {

class OverFullStart : public JournalTest {
  protected:
    static constexpr int tasks_made = 40'000;

    /// Finished tasks, among them some that run, and some that ended and then began again or got late events.
    void fill() {
        auto store = open();
        for (int i = 0; i < tasks_made;) {
            std::vector<Commit> commits;
            for (int n = 0; n < 500; ++n, ++i) {
                const auto number = std::to_string(i);
                const auto life = i % 1000 == 0 ? Lifecycle::opens : Lifecycle::ends;
                commits.push_back(commit_of({draft("t" + number, "1", options(life))}));
            }
            clock.at += 1ms;
            for (const auto& one : value_of(store->commit_many(commits))) ASSERT_TRUE(one);
        }
        clock.at += 1ms;
        ASSERT_TRUE(insist(*store, "t1", "again", options(Lifecycle::opens)));
        ASSERT_TRUE(insist(*store, "t1", "further", options(Lifecycle::neutral)));
        ASSERT_TRUE(insist(*store, "t2", "late", options(Lifecycle::neutral)));
        close(*store);
    }
    static DraftOptions options(Lifecycle life) {
        return {.subject = "u", .lifecycle = life, .body = std::string(200, 'x')};
    }
    /// Opens it with these bounds; what it held at most meanwhile is in `most`.
    std::unique_ptr<JournaledStore> start(std::uint64_t journal_bound) {
        auto file = JournalFile::open({path, journal_bound, categories});
        if (!file) throw std::runtime_error{file.error().text()};
        auto store = std::make_unique<JournaledStore>(strand, std::move(*file), limits, journal_bound, clock);
        most = 0;
        static const aio::Stop never;
        std::optional<result<void>> loaded;
        asio::co_spawn(strand, store->load(never), [&](std::exception_ptr death, result<void> r) {
            EXPECT_FALSE(death);
            loaded.emplace(std::move(r));
        });
        io.restart();
        const auto deadline = std::chrono::steady_clock::now() + 60s;
        while (!loaded && std::chrono::steady_clock::now() < deadline) {
            io.run_one_for(1s);
            most = std::max(most, store->stats().bytes);
        }
        if (!loaded) throw std::runtime_error{"the start did not end"};
        EXPECT_TRUE(*loaded) << loaded->error().text();
        return store;
    }
    StreamInfo info(JournaledStore& store, const std::string& id) {
        return value_of(store.stream_info(task, id)).value();
    }
    void expect_what_runs(JournaledStore& store) {
        for (int i = 0; i < tasks_made; i += 1000)
            EXPECT_EQ(info(store, "t" + std::to_string(i)).version, 1u) << i;
        EXPECT_EQ(info(store, "t1").version, 3u);
        const auto again = value_of(store.read_stream(task, "t1", {Range::By::position})).value();
        EXPECT_EQ(ids(again), "again further");
        EXPECT_GT(info(store, "t3").lost_through, 0u);
        EXPECT_EQ(info(store, "t" + std::to_string(tasks_made - 1)).version, 1u);
        EXPECT_EQ(store.head(), Position{tasks_made + 3});
    }

    std::uint64_t most = 0;
};

TEST_F(OverFullStart, memory_stays_within_a_bound_that_was_lowered) {
    fill();
    limits.max_bytes = 6 << 20;
    auto store = start(0);
    EXPECT_GT(most, limits.max_bytes / 2);
    EXPECT_LE(most, limits.max_bytes + limits.max_bytes / 4);
    EXPECT_LE(store->stats().bytes, limits.max_bytes);
    expect_what_runs(*store);
    EXPECT_TRUE(insist(*store, "new", "1"));
    close(*store);
    store.reset();
    limits.max_bytes = 0;
    store = start(0);
    EXPECT_EQ(info(*store, "new").version, 1u);
    EXPECT_EQ(info(*store, "t1").version, 3u);
    EXPECT_EQ(info(*store, "t3").version, 0u);
    EXPECT_LT(store->stats().bytes, 8u << 20) << "what went for room is gone from the file";
    close(*store);
}

TEST_F(OverFullStart, a_journal_shrinks_to_a_bound_that_was_lowered) {
    fill();
    auto store = start(4 << 20);
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(insist(*store, "new" + std::to_string(i), "1"));
    EXPECT_LE(store->size().used, std::uint64_t{4 << 20});
    EXPECT_EQ(info(*store, "new19").version, 1u);
    EXPECT_EQ(info(*store, "t0").version, 1u);
    EXPECT_EQ(info(*store, "t3").version, 0u);
    close(*store);
}

using OldJournal = JournalTest;

TEST_F(OldJournal, losses_of_schema_3_come_along_and_those_of_subjects_count_for_each_category) {
    auto store = open();
    for (int i = 0; i < 9; ++i) ASSERT_TRUE(insist(*store, "a", std::to_string(i)));
    close(*store);
    store.reset();
    const auto at = std::to_string(clock.at.time_since_epoch().count());
    Database{path, Database::Mode::write}.run(
        "DROP TABLE losses; CREATE TABLE losses(category TEXT, name TEXT, through INTEGER, at INTEGER,"
        " PRIMARY KEY(category, name)) WITHOUT ROWID; CREATE INDEX losses_at ON losses(at);"
        " INSERT INTO losses VALUES('task', 'gone', 5, " +
        at + "), ('', 'user', 7, " + at + "); PRAGMA user_version=3");
    const auto report = check_journal(path, categories, {});
    EXPECT_TRUE(report) << report.error().text();
    store = open();
    EXPECT_EQ(value_of(store->stream_info(task, "gone")).value().lost_through, 5u);
    EXPECT_EQ(value_of(store->stream_info(counter, "gone")).value().lost_through, 0u);
    for (const auto* category : categories) {
        const std::array<const Category*, 1> of{category};
        EXPECT_EQ(value_of(store->subject_lost_through("user", of)).value(), 7u);
        EXPECT_EQ(value_of(store->subject_lost_through("other", of)).value(), 0u);
    }
    close(*store);
}

}  // namespace
}  // namespace stepcast::store::test
