#include "store/store_fixture.hpp"

namespace stepcast::store::test {

TEST_P(DurableStoreTest, what_was_acknowledged_is_there_after_reopening) {
    finished("a");
    auto one = commit_of({draft("b", "1")});
    one.source = {"group", "topic", 0, 5};
    ASSERT_TRUE(commit(one));
    ASSERT_TRUE(run(store().save_snapshot(task, "b", {1, 1, "state"}, false)));
    const std::string epoch{store().epoch()};
    reopen();
    EXPECT_EQ(store().epoch(), epoch);
    EXPECT_EQ(ids(all()), "a.1 a.2 1");
    EXPECT_EQ(offset("group", "topic", 0), 5);
    EXPECT_EQ(run(store().load_snapshot(task, "b")).value()->state, "state");
    EXPECT_TRUE(append("a", "a.1", {.lifecycle = Lifecycle::opens})->deduplicated);
}

}  // namespace stepcast::store::test
