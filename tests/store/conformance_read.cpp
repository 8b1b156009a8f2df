#include "store/store_fixture.hpp"

namespace stepcast::store::test {

using By = Range::By;

TEST_P(StoreTest, a_stream_is_read_in_pages_by_version) {
    for (int i = 1; i <= 10; ++i) put("a", std::to_string(i)), put("b", std::to_string(i));
    const auto first = stream("a", {By::version, 1, UINT64_MAX, 4});
    EXPECT_EQ(ids(first), "1 2 3 4");
    EXPECT_EQ(first.through, 4u);
    EXPECT_TRUE(first.more);
    const auto second = stream("a", {By::version, first.through + 1, UINT64_MAX, 6});
    EXPECT_EQ(ids(second), "5 6 7 8 9 10");
    EXPECT_FALSE(second.more);
    EXPECT_EQ(second.through, 10u);
    const auto middle = stream("a", {By::version, 3, 5, 100});
    EXPECT_EQ(ids(middle), "3 4 5");
    EXPECT_FALSE(middle.more);
    EXPECT_EQ(middle.through, 5u);
    EXPECT_EQ(ids(stream("a", {By::version, 0, 2, 100})), "1 2");
}

TEST_P(StoreTest, a_page_that_ends_with_the_range_has_no_more) {
    for (int i = 1; i <= 4; ++i) put("a", std::to_string(i));
    EXPECT_FALSE(stream("a", {By::version, 1, UINT64_MAX, 4}).more);
    EXPECT_FALSE(stream("a", {By::version, 1, 2, 2}).more);
    EXPECT_FALSE(run(store().read_all({.limit = 4})).value().more);
    EXPECT_FALSE(subject("user", {.limit = 4}).more);
}

TEST_P(StoreTest, a_stream_is_read_by_position) {
    for (int i = 1; i <= 5; ++i) put("a", std::to_string(i)), put("b", std::to_string(i));
    const auto page = stream("b", {By::position, 5, 8, 100});  // b's events stand at the even positions
    EXPECT_EQ(ids(page), "3 4");
    EXPECT_EQ(page.through, 8u);
    const auto cut = stream("b", {By::position, 1, UINT64_MAX, 2});
    EXPECT_EQ(cut.through, 4u);
    EXPECT_TRUE(cut.more);
}

TEST_P(StoreTest, numbers_beyond_the_head_are_not_decided) {
    put("a", "1");
    put("b", "1");
    EXPECT_EQ(run(store().read_all({.from = 1, .to = 100})).value().through, 2u);
    EXPECT_EQ(run(store().read_all({.from = 50, .to = 100})).value().through, 49u);
    EXPECT_EQ(stream("a", {By::version, 1, 100, 10}).through, 1u);
    EXPECT_EQ(stream("a", {By::position, 1, 100, 10}).through, 2u);
    EXPECT_EQ(subject("user", {.from = 3}).through, 2u);
}

TEST_P(StoreTest, an_unknown_stream_or_subject_is_an_empty_page) {
    put("a", "1");
    EXPECT_TRUE(stream("none").events.empty());
    EXPECT_EQ(stream("none").through, 1u);
    EXPECT_EQ(stream("none", {.by = By::version}).through, 0u);
    EXPECT_EQ(info("none").version, 0u);
    EXPECT_TRUE(subject("nobody").events.empty());
    EXPECT_EQ(subject("nobody").lost_through, 0u);
    EXPECT_EQ(info("a", account).version, 0u);
}

TEST_P(StoreTest, a_subject_is_read_across_streams_in_position_order) {
    put("a", "1", {.subject = "ann"});
    put("b", "2", {.subject = "bob"});
    put("c", "3", {.subject = "ann"});
    put("a", "4", {.subject = "ann"});
    put("d", "5", {.subject = ""});
    put("b", "6", {.subject = "ann"});  // a stream may speak of several
    EXPECT_EQ(ids(subject("ann")), "1 3 4 6");
    EXPECT_EQ(ids(subject("bob")), "2");
    EXPECT_TRUE(subject("").events.empty());
    const auto page = subject("ann", {.from = 2, .limit = 2});
    EXPECT_EQ(ids(page), "3 4");
    EXPECT_TRUE(page.more);
    EXPECT_EQ(page.through, 4u);
}

TEST_P(StoreTest, a_page_of_nothing_says_whether_there_is_more) {
    put("a", "1");
    const auto page = subject("user", {.limit = 0});
    EXPECT_TRUE(page.events.empty());
    EXPECT_TRUE(page.more);
    EXPECT_EQ(page.through, 0u);
}

TEST_P(StoreTest, an_event_is_found_by_its_id) {
    for (int i = 0; i < 50; ++i) put("a", std::to_string(i)), put("b", "b" + std::to_string(i));
    const auto find = [&](const Category& category, std::string_view stream, std::string_view id) {
        return run(store().find_event(category, stream, id)).value();
    };
    EXPECT_EQ(find(task, "a", "17")->version(), 18u);
    EXPECT_EQ(find(task, "b", "b0")->position(), 2u);
    EXPECT_FALSE(find(task, "a", "b0"));
    EXPECT_FALSE(find(account, "a", "17"));
    EXPECT_FALSE(find(task, "none", "17"));
    ASSERT_TRUE(run(store().save_snapshot(task, "a", {20, 1, "s"}, true)));
    EXPECT_FALSE(find(task, "a", "17"));
    EXPECT_EQ(find(task, "a", "20")->version(), 21u);
}

TEST_P(StoreTest, many_events_are_found_in_one_call) {
    put("a", "1"), put("a", "2"), put("a", "3");
    const std::array<std::string_view, 4> wanted{"3", "none", "1", "3"};
    std::array<EventRef, 4> found;
    ASSERT_TRUE(run(store().find_events(task, "a", wanted, found)));
    EXPECT_EQ(found[0]->version(), 3u);
    EXPECT_FALSE(found[1]);
    EXPECT_EQ(found[2]->version(), 1u);
    EXPECT_EQ(found[3], found[0]);
    ASSERT_TRUE(run(store().find_events(account, "a", wanted, found)));
    EXPECT_FALSE(found[0]) << "what stood there before is gone";
}

TEST_P(StoreTest, long_reads_come_in_order_and_whole) {
    constexpr int count = 9000;
    std::vector<Commit> commits;
    for (int i = 0; i < count; ++i)
        commits.push_back(commit_of({draft(i % 3 == 0 ? "a" : "b", std::to_string(i))}));
    commit(std::move(commits));
    Position next = 1;
    std::size_t seen = 0;
    for (bool more = true; more;) {
        const auto page = subject("user", {.from = next, .limit = 700});
        for (const auto& e : page.events) EXPECT_EQ(e->position(), ++seen);
        next = page.through + 1;
        more = page.more;
    }
    EXPECT_EQ(seen, static_cast<std::size_t>(count));
    EXPECT_EQ(stream("a", {By::version, 1, UINT64_MAX, 10'000}).events.size(),
              static_cast<std::size_t>(count / 3));
}

TEST_P(StoreTest, reads_go_across_expired_holes) {
    put("keep", "k1", {.category = &account});
    for (int i = 0; i < 40; ++i) finished("t" + std::to_string(i));
    put("keep", "k2", {.category = &account});
    clock.at += 11min;
    EXPECT_EQ(clean().streams.size(), 40u);
    const auto page = all();
    EXPECT_EQ(ids(page), "k1 k2");
    EXPECT_EQ(page.through, store().head());
    EXPECT_EQ(page.lost_through, 81u);
    EXPECT_EQ(ids(subject("user", {}, categories)), "k1 k2");
    EXPECT_EQ(ids(subject("user", {.from = 2}, categories)), "k2");
    put("keep", "k3", {.category = &account});
    EXPECT_EQ(ids(all()), "k1 k2 k3");
}

TEST_P(StoreTest, a_hole_at_the_head_is_decided) {
    finished("a");
    clock.at += 11min;
    clean();
    const auto page = run(store().read_all({})).value();
    EXPECT_TRUE(page.events.empty());
    EXPECT_EQ(page.through, 2u);
    EXPECT_FALSE(page.more);
}

TEST_P(StoreTest, a_wide_hole_does_not_stop_a_reader) {
    one_life = true;
    constexpr int count = 20'000;
    put("keep", "k1", {.category = &account});
    std::vector<Commit> commits;
    for (int i = 0; i < count; ++i)
        commits.push_back(commit_of({draft("t" + std::to_string(i % 100), std::to_string(i))}));
    commit(std::move(commits));
    put("keep", "k2", {.category = &account});
    clock.at += 61min;
    EXPECT_EQ(clean().streams.size(), 100u);
    EXPECT_EQ(ids(all()), "k1 k2");
    EXPECT_EQ(store().stats().events, 2u);
    EXPECT_EQ(store().stats().expired, static_cast<std::uint64_t>(count));
}

}  // namespace stepcast::store::test
