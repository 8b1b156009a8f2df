// What a store at its bound takes: all of it, as long as something finished can go.
#include "store/journal_fixture.hpp"
#include "store/memory/memory_store.hpp"

namespace stepcast::store::test {
namespace {

constexpr std::uint64_t bound = 16 << 20;

class AtTheBound : public JournalTest {
  protected:
    /// Commits `count` batches of 500 finished one-event tasks; says how often some of a batch was refused.
    int refusals(EventStore& store, int count, std::size_t size) {
        int refused = 0;
        for (int i = 0; i < count; ++i) {
            std::vector<Commit> commits;
            for (int n = 0; n < 500; ++n) {
                const auto number = std::to_string(next_++);
                commits.push_back(commit_of({draft("t" + number, "1",
                                                   {.subject = "user" + number.substr(number.size() / 2),
                                                    .lifecycle = Lifecycle::ends,
                                                    .body = std::string(size, 'x')})}));
            }
            clock.at += 1ms;
            refused += value_of(insist_on_all(store, commits));
        }
        return refused;
    }
    static awaitable<int> insist_on_all(EventStore& store, std::span<Commit> rest) {
        for (int refused = 0;; ++refused) {
            const auto results = co_await store.commit_many(rest);
            std::size_t taken = 0;
            while (taken < results.size() && results[taken]) ++taken;
            rest = rest.subspan(taken);
            if (rest.empty() || refused == 100) co_return refused;
            co_await aio::pause(5ms);
        }
    }

  private:
    int next_ = 0;
};

TEST_F(AtTheBound, a_journal_of_small_tasks_takes_large_ones_without_a_refusal_that_lasts) {
    auto store = open(bound);
    EXPECT_LE(refusals(*store, 80, 100), 2);
    EXPECT_LE(refusals(*store, 20, 2000), 2);
    EXPECT_LE(refusals(*store, 40, 100), 2);
    EXPECT_LE(std::filesystem::file_size(path), bound);
    EXPECT_GT(store->size().used, bound / 2) << "no more went than had to";
    EXPECT_EQ(value_of(store->stream_info(task, "t0")).value().version, 0u);
    const auto lost = value_of(store->stream_info(task, "t0")).value().lost_through;
    EXPECT_GE(lost, 1u) << "each loss stays known";
    close(*store);
    store.reset();
    store = open(bound);
    EXPECT_GE(value_of(store->stream_info(task, "t0")).value().lost_through, 1u);
    close(*store);
}

TEST_F(AtTheBound, a_memory_of_small_tasks_takes_large_ones_without_a_refusal) {
    limits.max_bytes = bound;
    MemoryStore store{limits, clock};
    EXPECT_EQ(refusals(store, 80, 100), 0);
    EXPECT_EQ(refusals(store, 20, 2000), 0);
    EXPECT_EQ(refusals(store, 40, 100), 0);
    EXPECT_LE(store.stats().bytes, bound);
}

/// Pages are given back only when most of what stands in them has gone.
TEST_F(AtTheBound, what_runs_among_what_goes_stays_and_keeps_nobody_out) {
    auto store = open(bound);
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(insist(*store, "runs" + std::to_string(i), "1"));
    for (int i = 0; i < 60; ++i) {
        EXPECT_LE(refusals(*store, 1, 300), 2);
        for (int n = 0; n < 10; ++n)
            ASSERT_TRUE(
                insist(*store, "among" + std::to_string(i * 10 + n), "1", {.body = std::string(300, 'x')}));
    }
    EXPECT_LE(refusals(*store, 10, 2000), 2);
    for (int i = 0; i < 600; ++i)
        EXPECT_EQ(value_of(store->stream_info(task, "among" + std::to_string(i))).value().version, 1u);
    EXPECT_EQ(value_of(store->stream_info(task, "runs0")).value().version, 1u);
    close(*store);
}

TEST_F(AtTheBound, what_never_expires_does_not_use_up_the_bound_of_the_journal) {
    auto store = open(2 << 20);
    const DraftOptions permanent{.body = std::string(1000, 'x'), .category = &account};
    for (int i = 0; i < 6; ++i) {
        std::vector<Commit> commits;
        for (int n = 0; n < 500; ++n)
            commits.push_back(commit_of({draft(std::to_string(i * 500 + n), "1", permanent)}));
        EXPECT_EQ(value_of(insist_on_all(*store, commits)), 0);
        EXPECT_LE(refusals(*store, 2, 300), 2);
    }
    EXPECT_EQ(value_of(store->stream_info(account, "0")).value().version, 1u);
    EXPECT_LE(store->size().used, std::uint64_t{2 << 20} + 5 * store->stats().permanent_bytes / 4);
    close(*store);
}

TEST_F(AtTheBound, snapshots_of_what_never_expires_do_not_use_it_up_either) {
    limits.snapshot_stays_every = 2;
    auto store = open(2 << 20);
    // Those of a round take a fifth of the bound, and two rounds of them stay.
    for (int i = 1; i <= 5; ++i) {
        for (int n = 0; n < 100; ++n) {
            const auto id = std::to_string(n);
            auto one = commit_of({draft(id, std::to_string(i), {.category = &account})});
            one.snapshots = {{&account, id, {static_cast<Version>(i), 1, std::string(3000, 's')}}};
            ASSERT_TRUE(value_of(insist_on(*store, std::move(one))));
        }
        EXPECT_LE(refusals(*store, 4, 300), 2);
        const auto tasks = std::ranges::find(store->category_stats(), &task, &CategoryStats::category);
        EXPECT_GE(tasks->streams, 1500u) << "no more went than had to";
        close(*store);
        store.reset();
        store = open(2 << 20);
    }
    close(*store);
}

/// What is counted of it, as it comes and goes.
TEST(JournalChangesOf, snapshots_count_as_long_as_they_stand_in_the_file) {
    JournalChanges changes;
    const auto save = [&](Version version, std::size_t state, std::optional<std::size_t> replaced,
                          Version first_version = 1) {
        changes.snapshot_saved(account, {.id = "a", .subject = {}, .first_version = first_version},
                               {version, 1, std::string(state, 's')}, replaced);
    };
    save(1, 5000, {});
    const auto large = changes.permanent();
    EXPECT_GE(large, 5000u);
    save(2, 100, 5000);
    const auto small = changes.permanent();
    EXPECT_LT(small, 500u);
    save(3, 5000, 100);
    EXPECT_EQ(changes.permanent(), large);
    changes.snapshot_kept({&account, "a", 3, {3, 1, std::string(5000, 's')}});
    EXPECT_EQ(changes.permanent(), 2 * large);
    save(4, 5000, 5000, 2);
    EXPECT_EQ(changes.permanent(), 2 * large) << "what stays is above the first version";
    save(4, 5000, 5000, 5);
    EXPECT_EQ(changes.permanent(), large) << "what stayed went with a trim";
    changes.snapshot_kept({&account, "a", 4, {4, 1, std::string(5000, 's')}});
    changes.snapshot_gone(account, "a", 5000);
    EXPECT_EQ(changes.permanent(), 0u);
    changes.snapshot_saved(task, {.id = "t", .subject = {}}, {1, 1, std::string(5000, 's')}, {});
    changes.snapshot_gone(task, "t", 5000);
    EXPECT_EQ(changes.permanent(), 0u) << "of what expires nothing is exempt";
}

}  // namespace
}  // namespace stepcast::store::test
