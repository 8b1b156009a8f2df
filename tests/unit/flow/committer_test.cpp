#include "flow/committer.hpp"

#include <fmt/format.h>
#include <deque>

#include "aio/spawn.hpp"
#include "store/forwarding_store.hpp"
#include "store/memory/memory_store.hpp"
#include "store/store_fixture.hpp"
#include "unit/flow/nobody.hpp"
#include "unit/strand_test.hpp"

namespace stepcast::flow {
namespace {

using namespace std::chrono_literals;
using aio::awaitable;
using store::test::commit_of;
using store::test::draft;
using Pause = Committer::Pause;

/// Refuses as the script says, one entry a call: the commits from an index on, with a code.
class RefusingStore final : public store::test::ForwardingStore {
  public:
    using ForwardingStore::ForwardingStore;
    struct Refused {
        std::size_t from;
        store::errc code;
    };

    awaitable<std::vector<store::CommitResult>> commit_many(std::span<store::Commit> commits) override {
        sizes.push_back(commits.size());
        if (script.empty()) co_return co_await behind->commit_many(commits);
        const auto [from, code] = script.front();
        if (script.size() > 1 || !for_ever) script.pop_front();
        auto outcomes = co_await behind->commit_many(commits.first(std::min(from, commits.size())));
        while (outcomes.size() < commits.size())
            outcomes.emplace_back(tl::unexpected{store::Refusal{.code = code}});
        co_return outcomes;
    }

    std::deque<Refused> script;
    bool for_ever = false;
    std::vector<std::size_t> sizes;
};

class CommitterTest : public stepcast::testing::StrandTest {
  protected:
    static std::vector<store::Commit> commits(int from, int to) {
        std::vector<store::Commit> all;
        for (int i = from; i <= to; ++i) all.push_back(commit_of({draft("s", fmt::format("e{}", i))}));
        return all;
    }

    store::MemoryStore memory{{}};
    RefusingStore store{memory};
    Nobody nobody;
    FeedHub hub{core, store, nobody, system_clock(), 1h};
    Committer committer{core, store, hub};
};

TEST_F(CommitterTest, what_was_refused_in_passing_is_written_again_in_order_and_nothing_twice) {
    run([&]() -> awaitable<void> {
        store.script = {{2, store::errc::full}, {1, store::errc::unavailable}, {0, store::errc::full}};
        auto group = commits(1, 5);
        Committer::Attempts attempts;
        const auto outcomes = co_await committer.commit(group, &attempts);
        EXPECT_EQ(store.sizes, (std::vector<std::size_t>{5, 3, 2, 2}));
        EXPECT_EQ(attempts, (Committer::Attempts{1, 1, 2, 4, 4}));
        for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(outcomes[i].value().version, i + 1);
        EXPECT_EQ(store.head(), 5u);
        EXPECT_EQ(committer.paused(), Pause::none);
    });
}

TEST_F(CommitterTest, a_refusal_for_good_is_handed_out_and_holds_nobody_up) {
    run([&]() -> awaitable<void> {
        auto group = commits(1, 2);
        group.insert(group.begin() + 1, commit_of({draft("s", "e1", {.body = "another"})}));
        store.script = {{1, store::errc::unavailable}};
        const auto outcomes = co_await committer.commit(group);
        EXPECT_TRUE(outcomes[0]);
        EXPECT_EQ(store::test::refusal(outcomes[1]), store::errc::idempotency_conflict);
        EXPECT_EQ(outcomes[2].value().version, 2u);
        EXPECT_EQ(store.sizes.size(), 2u);
    });
}

TEST_F(CommitterTest, it_says_why_it_waits_and_a_stop_ends_the_waiting) {
    run([&]() -> awaitable<void> {
        store.script = {{0, store::errc::full}, {0, store::errc::unavailable}};
        store.for_ever = true;
        std::vector<store::CommitResult> outcomes;
        aio::spawn(core, "one", [&]() -> awaitable<void> {
            auto group = commits(1, 2);
            outcomes = co_await committer.commit(group);
        });
        while (committer.paused() != Pause::store_full) co_await aio::pause(1ms);
        while (committer.paused() != Pause::store_unavailable) co_await aio::pause(1ms);
        committer.stop();
        while (outcomes.empty()) co_await aio::pause(1ms);
        EXPECT_EQ(outcomes.size(), 2u);
        for (const auto& outcome : outcomes) EXPECT_TRUE(Committer::passes(outcome));
        EXPECT_EQ(committer.paused(), Pause::none);

        store.script.clear();
        EXPECT_TRUE(co_await committer.commit(commit_of({draft("s", "e9")}))) << "one attempt is left";
        store.script = {{0, store::errc::full}};
        EXPECT_FALSE(co_await committer.commit(commit_of({draft("s", "e10")})));
    });
}

}  // namespace
}  // namespace stepcast::flow
