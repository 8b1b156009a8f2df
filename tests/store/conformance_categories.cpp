// Categories whose ids and users collide keep out of each other's way.
#include "store/store_fixture.hpp"

namespace stepcast::store::test {
namespace {

constexpr std::array<const Category*, 1> counters{&counter};
constexpr std::array<const Category*, 2> both{&task, &counter};

}  // namespace

TEST_P(StoreTest, streams_of_one_id_and_user_in_three_categories_are_three) {
    for (const auto* category : categories) {
        put("1", "e", {.category = category});
        const auto again = append("1", "e", {.category = category});
        ASSERT_TRUE(again);
        EXPECT_TRUE(again->deduplicated);
    }
    Position position = 0;
    for (const auto* category : categories) {
        const auto page = stream("1", {}, *category);
        ASSERT_EQ(page.events.size(), 1u);
        EXPECT_EQ(&page.events[0]->category(), category);
        EXPECT_EQ(page.events[0]->version(), 1u);
        EXPECT_EQ(page.events[0]->position(), ++position);
    }
}

TEST_P(StoreTest, a_subject_is_read_by_category_and_several_come_in_order) {
    for (int i = 0; i < 10; ++i) {
        put("1", "t" + std::to_string(i));
        put("1", "c" + std::to_string(i), {.category = &counter});
        put("1", "a" + std::to_string(i), {.category = &account});
    }
    EXPECT_EQ(ids(subject("user", {.limit = 3})), "t0 t1 t2");
    EXPECT_EQ(ids(subject("user", {.limit = 3}, counters)), "c0 c1 c2");
    EXPECT_TRUE(subject("user", {}, {}).events.empty());
    std::string seen;
    for (Range range{.limit = 3};;) {
        const auto page = subject("user", range, both);
        ASSERT_LE(page.events.size(), 3u);
        for (const auto& event : page.events) seen += std::string{event->id()} + " ";
        if (!page.more) {
            EXPECT_EQ(page.through, store().head());
            break;
        }
        ASSERT_GE(page.through, range.from);
        range.from = page.through + 1;
    }
    EXPECT_EQ(seen, "t0 c0 t1 c1 t2 c2 t3 c3 t4 c4 t5 c5 t6 c6 t7 c7 t8 c8 t9 c9 ");
    EXPECT_EQ(ids(subject("user", {.from = 4, .to = 8}, both)), "t1 c1 t2 c2");
}

TEST_P(StoreTest, foreign_events_of_a_user_cost_a_read_nothing) {
    one_life = true;
    put("first", "1");
    for (int i = 0; i < 20; ++i) {
        std::vector<Draft> drafts;
        for (int n = 0; n < 5000; ++n)
            drafts.push_back(draft("c", std::to_string(i) + "." + std::to_string(n), {.category = &counter}));
        ASSERT_TRUE(commit(commit_of(std::move(drafts))));
    }
    put("last", "1");
    const auto time_of = [&](Categories of, std::size_t limit, int times) {
        const auto began = std::chrono::steady_clock::now();
        for (int i = 0; i < times; ++i) EXPECT_FALSE(subject("user", {.limit = limit}, of).events.empty());
        return (std::chrono::steady_clock::now() - began) / times;
    };
    EXPECT_EQ(subject("user").events.size(), 2u);
    EXPECT_LT(time_of(tasks, 10, 200) * 20, time_of(counters, 100'000, 3));
}

TEST_P(StoreTest, a_loss_is_of_its_category_alone) {
    put("1", "a", {.category = &account});
    put("1", "c", {.category = &counter});
    finished("1");
    clock.at += 11min;
    clean();
    EXPECT_EQ(info("1").lost_through, 4u);
    EXPECT_EQ(subject_lost("user"), 4u);
    EXPECT_EQ(subject("user").lost_through, 4u);
    for (const auto* category : {&account, &counter}) {
        const std::array<const Category*, 1> of{category};
        EXPECT_EQ(info("1", *category).lost_through, 0u);
        EXPECT_EQ(subject_lost("user", of), 0u);
        EXPECT_EQ(subject("user", {}, of).lost_through, 0u);
        EXPECT_EQ(subject("user", {}, of).events.size(), 1u);
    }
    EXPECT_EQ(subject_lost("user", both), 4u);
}

TEST_P(StoreTest, a_subject_of_the_same_name_as_its_stream_loses_apart) {
    put("same", "1", {.subject = "same", .lifecycle = Lifecycle::ends});
    put("other", "1", {.subject = "same"});
    put("same", "1", {.subject = "other", .category = &counter});
    clock.at += 11min;
    clean();
    EXPECT_EQ(info("same").lost_through, 1u);
    EXPECT_EQ(subject_lost("same"), 1u);
    EXPECT_EQ(info("same", counter).lost_through, 0u);
    EXPECT_EQ(subject_lost("other", counters), 0u);
}

TEST_P(StoreTest, neither_what_expires_nor_what_never_does_refuses_the_other) {
    if (!GetParam().fills) GTEST_SKIP() << "its events leave memory";
    one_life = true;  // a start for each step would take seconds
    limits.max_bytes = 100'000;
    limits.permanent_max_bytes = 100'000;
    const std::string body(1000, 'x');
    int running = 0, accounts = 0;
    while (append("r" + std::to_string(running), "1", {.body = body})) ASSERT_LT(++running, 200);
    EXPECT_GT(running, 40);
    while (append("a" + std::to_string(accounts), "1", {.body = body, .category = &account}))
        ASSERT_LT(++accounts, 200);
    EXPECT_GT(accounts, 40);
    EXPECT_LE(store().stats().permanent_bytes, limits.permanent_max_bytes);
    const auto batch =
        commit({commit_of({draft("more", "1", {.body = body, .category = &account})}),
                commit_of({draft("r0", "1", {.body = body})}), commit_of({draft("a", "1", {.body = body})})});
    EXPECT_EQ(refusal(batch[0]), errc::full);
    EXPECT_TRUE(batch[1]);
    EXPECT_EQ(refusal(batch[2]), errc::full);
    clock.at += 60min;
    clean();
    EXPECT_TRUE(append("new", "1", {.body = body}));
    EXPECT_EQ(refusal(append("more", "1", {.body = body, .category = &account})), errc::full);
    EXPECT_EQ(info("a0", account).version, 1u);
}

TEST_P(StoreTest, a_store_counts_by_category) {
    one_life = true;
    put("1", "1"), put("1", "1"), finished("2");
    put("1", "1", {.category = &account});
    clock.at += 11min;
    clean();
    for (const auto& of : store().category_stats()) {
        const bool tasks_own = of.category == &task;
        EXPECT_EQ(of.committed, tasks_own ? 3u : 1u);
        EXPECT_EQ(of.deduplicated, tasks_own ? 1u : 0u);
        EXPECT_EQ(of.expired, tasks_own ? 2u : 0u);
        EXPECT_EQ(of.events, 1u);
        EXPECT_EQ(of.streams, 1u);
    }
    EXPECT_EQ(store().category_stats().size(), 2u);
}

}  // namespace stepcast::store::test
