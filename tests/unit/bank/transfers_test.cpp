#include "domain/bank/transfers.hpp"

#include <gmock/gmock.h>

#include "unit/bank/bank_fixture.hpp"

namespace stepcast::bank::test {
namespace {

using aio::awaitable;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TransferTest : public BankTest {
  protected:
    using Begun = result<domain::Written>;

    awaitable<Begun> begin(std::string id, std::int64_t amount, std::string from = "a",
                           std::string to = "b") {
        return transfers.begin(
            {.id = std::move(id), .from = std::move(from), .to = std::move(to), .amount = amount});
    }
    awaitable<std::string> status(std::string id) {
        const auto view = co_await transfers.view(std::move(id));
        co_return view ? std::string{transfer_status_names[static_cast<std::size_t>(view->transfer.status)]}
                       : view.error().text();
    }
    /// Waits until it has ended or is stuck.
    awaitable<std::string> end(const std::string& id) {
        std::string now;
        for (int i = 0; i < 2'000; ++i) {
            now = co_await status(id);
            if (now == "COMPLETED" || now == "REFUNDED" || now == "STUCK") break;
            co_await aio::pause(2ms);
        }
        co_return now;
    }
    awaitable<std::vector<std::string>> steps(std::string id) {
        const auto view = (co_await transfers.view(std::move(id))).value();
        std::vector<std::string> names;
        for (const auto& step : view.transfer.steps) names.emplace_back(step.name);
        co_return names;
    }
    template <class Body>
    void serve_transfers(Body body) {
        run([&]() -> awaitable<void> {
            transfers.start();
            EXPECT_TRUE(co_await create("a", 100));
            EXPECT_TRUE(co_await create("b"));
            co_await body();
            bank.committer.stop();
            co_await transfers.stop();
            co_await bank.stop();
        });
    }
    awaitable<std::size_t> timers() { co_return (co_await store.due(Timestamp::max(), 100)).value().size(); }

    Transfers transfers{bank.parts, bank.accounts, {}};
};

TEST_F(TransferTest, takes_from_the_one_and_gives_to_the_other) {
    serve_transfers([&]() -> awaitable<void> {
        const auto begun = co_await begin("T", 30);
        EXPECT_EQ(begun->answer.body, R"({"success":true,"transferId":"T","taskId":"T"})");
        EXPECT_EQ(begun->answer.status, 202);
        EXPECT_EQ(co_await end("T"), "COMPLETED");
        EXPECT_EQ(co_await balance("a"), 70);
        EXPECT_EQ(co_await balance("b"), 30);
        EXPECT_THAT(co_await steps("T"),
                    ElementsAre("TRANSFER_INITIATED", "TRANSFER_DEBITED", "TRANSFER_COMPLETED"));
        EXPECT_EQ(co_await timers(), 0u);
        EXPECT_TRUE((co_await bank.accounts.view("a", {}))->account.pending.empty());
    });
}

TEST_F(TransferTest, the_same_transfer_again_is_the_same_transfer) {
    serve_transfers([&]() -> awaitable<void> {
        EXPECT_FALSE((co_await begin("T", 30))->replayed);
        EXPECT_TRUE((co_await begin("T", 30))->replayed);
        EXPECT_EQ(co_await end("T"), "COMPLETED");
        EXPECT_TRUE((co_await begin("T", 30))->replayed);
        EXPECT_EQ((co_await begin("T", 31)).error().code, flow::kept_errc::other_call);
        EXPECT_EQ(co_await balance("b"), 30);
    });
}

TEST_F(TransferTest, what_cannot_begin_is_refused_at_once) {
    serve_transfers([&]() -> awaitable<void> {
        EXPECT_EQ((co_await begin("T", 1, "a", "a")).error().code, errc::same_account);
        EXPECT_EQ((co_await begin("T", 0)).error().code, errc::amount_not_positive);
        EXPECT_EQ((co_await begin("T", 1, "x", "b")).error().code, errc::unknown_account);
        EXPECT_EQ((co_await begin("T", 1, "a", "x")).error().field, "to");
        Transfers::Wish theirs{.id = "T", .from = "a", .to = "b", .amount = 1, .caller = "Lee"};
        EXPECT_EQ((co_await transfers.begin(theirs)).error().code, errc::not_owner);
        EXPECT_EQ((co_await transfers.view("T")).error().code, errc::unknown_transfer);
    });
}

TEST_F(TransferTest, what_is_not_there_is_not_moved) {
    serve_transfers([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await begin("T", 101));
        EXPECT_EQ(co_await end("T"), "REFUNDED");
        EXPECT_EQ((co_await transfers.view("T"))->transfer.reason, "Insufficient balance");
        EXPECT_EQ(co_await balance("a"), 100);
    });
}

TEST_F(TransferTest, what_the_other_account_does_not_take_comes_back) {
    serve_transfers([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await close("b"));
        EXPECT_TRUE(co_await begin("T", 30));
        EXPECT_EQ(co_await end("T"), "REFUNDED");
        EXPECT_THAT(co_await steps("T"), ElementsAre("TRANSFER_INITIATED", "TRANSFER_DEBITED",
                                                     "TRANSFER_REFUSED", "TRANSFER_REFUNDED"));
        EXPECT_EQ((co_await transfers.view("T"))->transfer.reason, "Account is not active");
        EXPECT_EQ(co_await balance("a"), 100);
        EXPECT_EQ(co_await timers(), 0u);
    });
}

TEST_F(TransferTest, what_cannot_come_back_is_stuck_and_goes_on_when_it_can) {
    serve_transfers([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await close("b"));
        EXPECT_TRUE(co_await create("full", max_amount));
        // Another writer takes the room of what comes back, just before it does.
        store.before = [&](std::span<store::Commit> commits) -> awaitable<void> {
            if (commits.front().appends.empty()) co_return;
            if (commits.front().appends.front().events.front()->type() != "TRANSFER_REFUSED") co_return;
            const AccountEvent other{
                .type = EventType::money_deposited, .at = bank.clock.now(), .amount = 30, .transaction = "t"};
            std::vector<store::Commit> one(1);
            one[0].appends.emplace_back().events.push_back(make_draft(other, "full", "other", "Kim", 3, ""));
            EXPECT_TRUE((co_await memory.commit_many(one))[0]);
        };
        EXPECT_TRUE(co_await begin("T", 30, "full"));
        EXPECT_EQ(co_await end("T"), "STUCK");
        EXPECT_EQ((co_await transfers.view("T"))->transfer.reason, "The balance would be too large");
        EXPECT_EQ(transfers.sagas().counts().stuck, 1u) << "it waits for somebody";
        EXPECT_TRUE(co_await withdraw("full", 30));
        EXPECT_TRUE(co_await transfers.sagas().resume("T", {}));
        EXPECT_EQ(co_await end("T"), "REFUNDED");
        EXPECT_EQ(co_await balance("full"), max_amount);
        EXPECT_EQ((co_await transfers.sagas().resume("T", {})).error().code, flow::saga_errc::not_stuck);
    });
}

TEST_F(TransferTest, every_step_is_owed_to_the_topics) {
    serve_transfers([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await begin("T", 30));
        EXPECT_EQ(co_await end("T"), "COMPLETED");
        std::vector<std::string> tasks, events;
        const auto owed = (co_await store.outbox(0, 100)).value();
        for (const auto& pending : owed) {
            const auto& message = pending->message;
            if (message.topic == "progress-events") tasks.push_back(message.value);
            if (message.topic == "event-stream-accounts" && message.key == "T")
                events.push_back(message.headers.front().value);
        }
        EXPECT_THAT(events, ElementsAre("TRANSFER_INITIATED", "TRANSFER_DEBITED", "TRANSFER_COMPLETED"));
        EXPECT_THAT(tasks, ElementsAre(HasSubstr("\"eventType\":\"STARTED\""),
                                       HasSubstr("\"eventType\":\"PROGRESS\""),
                                       HasSubstr("\"eventType\":\"COMPLETED\"")));
        EXPECT_THAT(tasks[0], HasSubstr(R"("taskId":"T","userId":"Kim")"));
    });
}

TEST_F(TransferTest, hundreds_at_once_all_end_and_keep_the_sum) {
    serve_transfers([&]() -> awaitable<void> {
        for (int i = 0; i < 10; ++i) EXPECT_TRUE(co_await create(fmt::format("x{}", i), 50));
        for (int i = 0; i < 300; ++i)
            EXPECT_TRUE(co_await begin(
                fmt::format("T{}", i), 1 + i % 40, fmt::format("x{}", i % 10),
                fmt::format("x{}", (i * 7 + 1) % 10 == i % 10 ? (i + 1) % 10 : (i * 7 + 1) % 10)));
        int completed = 0;
        for (int i = 0; i < 300; ++i) completed += co_await end(fmt::format("T{}", i)) == "COMPLETED" ? 1 : 0;
        EXPECT_GT(completed, 0);
        std::int64_t sum = 0;
        for (int i = 0; i < 10; ++i) sum += co_await balance(fmt::format("x{}", i));
        EXPECT_EQ(sum, 500);
        EXPECT_EQ(co_await timers(), 0u);
    });
}

/// Whatever moment everything ends at, a transfer goes on behind it and moves its money once.
TEST_F(TransferTest, a_kill_at_any_commit_loses_and_doubles_nothing) {
    run([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await create("a", 100));
        EXPECT_TRUE(co_await create("b"));
        EXPECT_TRUE(co_await create("shut"));
        EXPECT_TRUE(co_await close("shut"));
        co_await bank.stop();
    });
    int arrived = 0;
    for (int at = 0; at < 24; ++at) {
        const auto id = fmt::format("T{}", at);
        const bool refused = at % 2 == 1;
        const auto written = at % 4 < 2 ? 1 : 2;  // the last group is lost, or written and not acknowledged
        Bank first{io, core, store, {}};
        Transfers dies{first.parts, first.accounts, {.lease = 20ms}};
        run([&]() -> awaitable<void> {
            co_await first.hub.wait_applied(store.head(), 5s);
            store.script.assign(static_cast<std::size_t>(at / 4), 0);
            store.script.insert(store.script.end(), 1'000, 1);
            if (written == 2) store.script[static_cast<std::size_t>(at / 4)] = 2;
            first.committer.stop();
            dies.start();
            std::ignore =
                co_await dies.begin({.id = id, .from = "a", .to = refused ? "shut" : "b", .amount = 5});
            for (int i = 0; i < 20; ++i) co_await aio::pause(1ms);
            co_await dies.stop();
            co_await first.stop();
        });
        store.script.clear();
        Bank second{io, core, store, {}};
        Transfers next{second.parts, second.accounts, {.lease = 100ms}};
        run([&]() -> awaitable<void> {
            co_await second.hub.wait_applied(store.head(), 5s);
            next.start();
            EXPECT_TRUE(
                co_await next.begin({.id = id, .from = "a", .to = refused ? "shut" : "b", .amount = 5}));
            for (int i = 0; i < 5'000; ++i) {
                if ((co_await next.view(id))->transfer.ended()) break;
                co_await aio::pause(2ms);
            }
            if (!refused) arrived += 5;
            const auto view = (co_await next.view(id)).value();
            EXPECT_EQ(view.transfer.status, refused ? TransferStatus::refunded : TransferStatus::completed)
                << at;
            const auto balances = (co_await second.accounts.view("a", {}))->account.balance +
                                  (co_await second.accounts.view("b", {}))->account.balance;
            EXPECT_EQ(balances, 100) << at;
            EXPECT_EQ((co_await second.accounts.view("b", {}))->account.balance, arrived) << at;
            second.committer.stop();
            co_await next.stop();
            co_await second.stop();
            while (!co_await store.lease("transfers", "between", 1ms)) co_await aio::pause(1ms);
        });
    }
}

}  // namespace
}  // namespace stepcast::bank::test
