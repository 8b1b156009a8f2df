// A projection is folded anew beside what it shows: the accounts as an example.
#include <gmock/gmock.h>

#include "domain/bank/aggregate.hpp"
#include "domain/rebuild.hpp"
#include "unit/bank/bank_fixture.hpp"

namespace stepcast::bank::test {
namespace {

using aio::awaitable;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RebuildTest : public BankTest {
  protected:
    template <class Body>
    void serve_rebuilds(Body body) {
        run([&]() -> awaitable<void> {
            for (const auto* id : {"a", "b", "c"}) EXPECT_TRUE(co_await create(id, 100));
            co_await body();
            bank.committer.stop();
            co_await rebuild.stop();
            co_await bank.stop();
        });
    }
    awaitable<void> ends() {
        const auto over = [&] { return rebuild.counts().done + rebuild.counts().failed != 0; };
        for (int i = 0; i < 2'000 && !over(); ++i) co_await aio::pause(2ms);
        EXPECT_TRUE(over());
    }
    /// What the bus is owed for the task.
    awaitable<std::vector<std::string>> told() {
        std::vector<std::string> values;
        const auto owed = (co_await store.outbox(0, 10'000)).value();
        for (const auto& pending : owed)
            if (pending->message.topic == "progress-events") values.push_back(pending->message.value);
        co_return values;
    }
    AccountProjection& shown() { return bank.accounts.projection(); }

    domain::Rebuild rebuild{bank.parts,
                            bank.accounts.projection().refoldable(),
                            {.projection = "bank", .label = "계좌", .progress_topic = "progress-events"}};
};

TEST_F(RebuildTest, it_is_a_task_while_accounts_go_on_and_ends_where_they_are) {
    serve_rebuilds([&]() -> awaitable<void> {
        for (int i = 0; i < 600; ++i) EXPECT_TRUE(co_await deposit("a", 1));
        // Each page takes a further event, of which the shown ones know at once.
        int reads = 0;
        bool more = true;
        const auto begun = co_await rebuild.begin("ada");
        EXPECT_THAT(begun->answer.body, HasSubstr("\"taskId\":\"rebuild-"));
        EXPECT_EQ(begun->answer.status, 202);
        const auto second = co_await rebuild.begin("eve");
        EXPECT_EQ(second.error().code, domain::rebuild_errc::running);
        for (; more && reads < 40; ++reads) {
            EXPECT_TRUE(co_await deposit("b", 1));
            if (reads == 3) EXPECT_TRUE(co_await create("late", 7));
            more = rebuild.counts().done == 0;
        }
        co_await ends();
        EXPECT_EQ(rebuild.counts().done, 1u);
        EXPECT_EQ(rebuild.counts().differed, 0u);
        EXPECT_EQ(co_await balance("a"), 700);
        EXPECT_EQ(co_await balance("b"), 100 + reads);
        EXPECT_FALSE(shown().refoldable().folds());
        const auto tasks = co_await told();
        EXPECT_THAT(tasks.front(), HasSubstr(R"("userId":"ada","eventType":"STARTED")"));
        EXPECT_THAT(tasks.back(), HasSubstr("COMPLETED"));
        EXPECT_GE(tasks.size(), 4u);
        // What was shown and what is shown is one fold: the next event finds it so.
        EXPECT_TRUE(co_await deposit("a", 1));
        EXPECT_EQ(co_await balance("a"), 701);
        EXPECT_TRUE(co_await rebuild.begin("ada"));
    });
}

TEST_F(RebuildTest, what_was_shown_otherwise_than_stored_is_noticed_and_mended) {
    serve_rebuilds([&]() -> awaitable<void> {
        const AccountEvent never{.type = EventType::money_deposited, .amount = 900, .transaction = "t"};
        const auto draft = make_draft(never, "b", "e", "Kim", 2, {});
        const event::EventRef forged[]{event::Event::seal(draft, 2, 99, {}, "e")};
        co_await shown().apply(forged, shown().applied());
        EXPECT_EQ(co_await balance("b"), 1'000);
        EXPECT_TRUE(co_await rebuild.begin("ada"));
        co_await ends();
        EXPECT_EQ(rebuild.counts().differed, 1u);
        EXPECT_EQ(co_await balance("b"), 100);
        const auto top = co_await bank.accounts.top({}, {});
        EXPECT_EQ(top->accounts.size(), 3u);
        EXPECT_EQ(top->accounts.front().account.balance, 100);
    });
}

TEST_F(RebuildTest, a_new_epoch_ends_it_and_leaves_what_is_shown) {
    serve_rebuilds([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await rebuild.begin("ada"));
        shown().reset();
        co_await ends();
        EXPECT_EQ(rebuild.counts().failed, 1u);
        EXPECT_EQ(shown().ledger().size(), 0u);
        EXPECT_THAT((co_await told()).back(), HasSubstr("FAILED"));
    });
}

TEST_F(BankTest, a_start_begins_at_snapshots_and_folds_what_is_behind_them) {
    serve([&]() -> awaitable<void> {
        for (const auto* id : {"a", "b", "damaged"}) {
            EXPECT_TRUE(co_await create(id, 100));
            for (int i = 0; i < 23; ++i) EXPECT_TRUE(co_await deposit(id, 1));
        }
        EXPECT_TRUE(co_await create("young", 7));
        EXPECT_TRUE(co_await store.save_snapshot(category, "damaged", {20, 1, "nonsense"}, false));
        const auto events = (co_await store.read_all({.limit = 1000})).value().events;
        flow::AggregateReader reader{store, account_kind(10)};
        AccountProjection begun;
        begun.begin_at_snapshots(&reader);
        for (const auto& event : events)
            if (event->version() == 1) co_await begun.apply({&event, 1}, event->position());
        EXPECT_EQ(begun.ledger().find("a")->version, 20u);
        EXPECT_EQ(begun.ledger().find("b")->account.balance, 119);
        EXPECT_EQ(begun.ledger().find("damaged")->version, 1u);
        begun.begin_at_snapshots(nullptr);
        co_await begun.apply(events, events.back()->position());
        EXPECT_EQ(begun.ledger(), bank.accounts.projection().ledger());
        EXPECT_EQ(begun.ledger().size(), 4u);
        EXPECT_EQ(begun.skipped(), 0u);
    });
}

// The store gives the feed of an account only what is not below its newest snapshot.
TEST_F(BankTest, a_start_reads_what_the_feed_passed_over_where_a_snapshot_cannot_be_used) {
    serve([&]() -> awaitable<void> {
        const std::map<std::string_view, event::Version> newest{{"a", 1020}, {"older", 1020}, {"none", 23}};
        for (const auto& [id, version] : newest) {
            EXPECT_TRUE(co_await create(std::string{id}, 100));
            for (auto i = version + 3; i != 0; --i) EXPECT_TRUE(co_await deposit(std::string{id}, 1));
            if (id == "a") continue;
            EXPECT_TRUE(
                co_await store.save_snapshot(category, id, {version, state_schema, "nonsense"}, false));
        }
        flow::AggregateReader reader{store, account_kind(10)};
        AccountProjection begun;
        EXPECT_TRUE(begun.begins_at().empty());
        begun.begin_at_snapshots(&reader);
        EXPECT_EQ(begun.begins_at(), (std::vector<store::SnapshotKind>{{&category, state_schema}}));
        const auto events = (co_await store.read_all({.limit = 10'000})).value().events;
        for (const auto& event : events)
            if (event->version() >= newest.at(event->stream_id()))
                co_await begun.apply({&event, 1}, event->position());
        EXPECT_EQ(reader.passed_over(), 2u);
        EXPECT_EQ(begun.ledger(), bank.accounts.projection().ledger());
        EXPECT_EQ(begun.skipped(), 0u);
    });
}

TEST(Ledger, is_shed_in_slices) {
    Ledger ledger;
    for (int i = 0; i < 5; ++i) {
        const AccountEvent made{.type = EventType::account_created, .amount = i, .owner = "Kim"};
        const auto id = fmt::format("a{}", i);
        EXPECT_TRUE(
            ledger.apply(*event::Event::seal(make_draft(made, id, "e", "Kim", 1, {}), 1, 1, {}, "e")));
    }
    const auto id = ledger.id_of("a3");
    Ledger moved = std::move(ledger);
    EXPECT_EQ(moved.id_of("a3").data(), id.data());
    EXPECT_TRUE(moved.shed(3));
    EXPECT_EQ(moved.size(), 2u);
    EXPECT_FALSE(moved.shed(3));
    EXPECT_EQ(moved.size(), 0u);
}

}  // namespace
}  // namespace stepcast::bank::test
