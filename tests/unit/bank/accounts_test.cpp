#include "domain/bank/accounts.hpp"

#include <gmock/gmock.h>
#include <boost/json.hpp>

#include "event/json.hpp"
#include "unit/bank/bank_fixture.hpp"

namespace stepcast::bank::test {
namespace {

using aio::awaitable;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(BankTest, an_account_is_created_paid_into_and_read_at_once) {
    serve([&]() -> awaitable<void> {
        const auto created = co_await create("ACC-001", 1'000);
        EXPECT_EQ(created->answer.status, 201);
        EXPECT_EQ(created->answer.body, R"({"success":true,"accountId":"ACC-001","version":1})");
        EXPECT_EQ(created->answer.location, "/api/accounts/ACC-001");
        const auto paid = co_await deposit("ACC-001", 500);
        EXPECT_THAT(paid->answer.body, StartsWith(R"({"success":true,"newBalance":1500,"transactionId":")"));
        EXPECT_EQ(paid->answer.version, 2u);
        EXPECT_EQ(co_await balance("ACC-001"), 1'500);
        EXPECT_EQ((co_await withdraw("ACC-001", 2'000)).error().code, errc::insufficient_balance);
        EXPECT_EQ((co_await deposit("ACC-002", 1)).error().code, errc::unknown_account);
        EXPECT_EQ((co_await create("ACC-001")).error().code, errc::already_created);
        EXPECT_EQ(store.head(), 2u) << "a refusal writes nothing";
    });
}

TEST_F(BankTest, every_version_and_every_moment_can_be_asked_for) {
    serve([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await create("a", 1'000));
        for (int i = 1; i <= 25; ++i) EXPECT_TRUE(co_await deposit("a", i));
        std::int64_t wanted = 1'000;
        for (event::Version version = 1; version <= 26; ++version) {
            EXPECT_EQ(co_await balance("a", {.version = version}), wanted);
            const auto view = (co_await bank.accounts.view("a", {.version = version})).value();
            const auto at = view.account.updated_at;
            EXPECT_EQ((co_await bank.accounts.view("a", {.at = at}))->version, version);
            EXPECT_EQ((co_await bank.accounts.view("a", {.at = at + 1ms}))->version, version);
            wanted += static_cast<std::int64_t>(version);
        }
        const auto code = [&](http::Past past) -> awaitable<std::error_code> {
            co_return (co_await bank.accounts.view("a", past)).error().code;
        };
        EXPECT_EQ(co_await code({.version = 27}), query_errc::unknown_version);
        EXPECT_EQ(co_await code({.at = *parse_rfc3339("2020-01-01T00:00:00Z")}), query_errc::unknown_version);
        EXPECT_EQ((co_await bank.accounts.view("b", {.version = 1})).error().code, errc::unknown_account);
        EXPECT_EQ((co_await bank.accounts.view("b", {})).error().code, errc::unknown_account);
    });
}

TEST_F(BankTest, snapshots_that_are_damaged_or_gone_change_no_answer) {
    serve([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await create("a", 1'000));
        for (int i = 1; i <= 25; ++i) EXPECT_TRUE(co_await deposit("a", i));
        const auto saved = (co_await store.load_snapshot(category, "a")).value();
        EXPECT_EQ(saved->version, 20u) << "every ten events, within the commit";
        EXPECT_EQ(bank.accounts.snapshots().saved, 2u);
        for (auto broken :
             {std::string{}, std::string{"no"}, saved->state + "x", "1" + saved->state.substr(1)}) {
            EXPECT_TRUE(co_await store.save_snapshot(category, "a", {saved->version, 1, broken}, false));
            EXPECT_EQ(co_await balance("a", {.version = 26}), 1'325);
            EXPECT_EQ(co_await balance("a", {.version = 21}), 1'210);
        }
        EXPECT_GE(bank.accounts.snapshots_ignored(), 4u);
        EXPECT_EQ((co_await deposit("a", 1))->answer.version, 27u);
    });
}

TEST_F(BankTest, a_restart_goes_on_with_what_the_store_holds) {
    run([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await create("a", 1'000));
        for (int i = 1; i <= 15; ++i) EXPECT_TRUE(co_await deposit("a", 1));
        co_await bank.stop();
    });
    Bank next{io, core, store, {}};
    run([&]() -> awaitable<void> {
        auto more = wish(Kind::withdraw, "a", 1'015);
        EXPECT_EQ((co_await next.accounts.carry_out(std::move(more)))->answer.version, 17u);
        const auto view = co_await next.accounts.view("a", {});
        EXPECT_EQ(view->account.balance, 0);
        EXPECT_EQ(view->account.transactions, 16u);
        co_await next.stop();
    });
}

TEST_F(BankTest, equal_calls_with_one_key_act_once_and_get_one_answer) {
    serve([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await create("a"));
        std::vector<Done> outcomes(50, tl::unexpected{Error{}});
        aio::Gate gate{core};
        for (auto& outcome : outcomes)
            aio::spawn(core, "caller", [&, hold = gate.enter()]() -> awaitable<void> {
                outcome = co_await deposit("a", 100, "key");
            });
        co_await gate.close();
        std::string first;
        for (const auto& outcome : outcomes) {
            if (!outcome) EXPECT_EQ(outcome.error().code, flow::kept_errc::running);
            if (outcome && first.empty()) first = outcome->answer.body;
            if (outcome) EXPECT_EQ(outcome->answer.body, first);
        }
        EXPECT_EQ(co_await balance("a"), 100);
        const auto again = co_await deposit("a", 100, "key");
        EXPECT_EQ(again->answer.body, first);
        EXPECT_TRUE(again->replayed);
        EXPECT_EQ((co_await deposit("a", 101, "key")).error().code, flow::kept_errc::other_call);
        EXPECT_FALSE((co_await deposit("a", 100, "another"))->replayed);
        EXPECT_EQ(co_await balance("a"), 200);
    });
}

TEST_F(BankTest, a_refused_call_keeps_no_answer) {
    serve([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await create("a", 10));
        EXPECT_EQ((co_await withdraw("a", 20, "key")).error().code, errc::insufficient_balance);
        EXPECT_TRUE(co_await deposit("a", 10));
        EXPECT_FALSE((co_await withdraw("a", 20, "key"))->replayed);
        EXPECT_EQ(co_await balance("a"), 0);
    });
}

TEST_F(BankTest, what_was_written_although_the_store_said_no_acts_once) {
    serve([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await create("a", 10));
        store.script = {2, 1, 2};
        const auto keyed = co_await deposit("a", 5, "key");
        EXPECT_EQ(keyed->answer.version, 2u);
        EXPECT_FALSE(keyed->replayed) << "it is the answer to this call";
        store.script = {2, 1};
        EXPECT_EQ((co_await deposit("a", 5))->answer.version, 3u);
        EXPECT_EQ(co_await balance("a"), 20);
        EXPECT_EQ((co_await deposit("a", 1))->answer.version, 4u);
    });
}

TEST_F(BankTest, every_event_is_owed_to_the_topic_and_each_tenth_a_snapshot) {
    serve([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await create("a", 1'000));
        for (int i = 1; i <= 9; ++i) EXPECT_TRUE(co_await deposit("a", 1));
        const auto owed = (co_await store.outbox(0, 100)).value();
        EXPECT_EQ(owed.size(), 11u);
        const auto& first = owed[0]->message;
        EXPECT_EQ(first.topic, "event-stream-accounts");
        EXPECT_EQ(first.key, "a");
        EXPECT_THAT(first.value,
                    HasSubstr(R"("eventType":"ACCOUNT_CREATED","aggregateId":"a","data":{"owner":"Kim")"));
        EXPECT_EQ(first.headers[0], (event::Header{"eventType", "ACCOUNT_CREATED"}));
        EXPECT_EQ(first.headers[1], (event::Header{"aggregateId", "a"}));
        EXPECT_EQ(first.headers[2].name, "timestamp");
        const auto& snapshot = owed[10]->message;
        EXPECT_EQ(snapshot.topic, "snapshots");
        EXPECT_THAT(
            snapshot.value,
            StartsWith(
                R"({"aggregateId":"a","snapshot":{"id":"a","balance":1009,"owner":"Kim","status":"ACTIVE","version":10},"version":10,)"));
    });
}

TEST_F(BankTest, transactions_tell_the_balance_behind_each) {
    serve([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await create("a", 100));
        for (int i = 0; i < 6; ++i) EXPECT_TRUE(co_await (i % 2 == 0 ? deposit("a", 10) : withdraw("a", 3)));
        const auto all = (co_await bank.accounts.transactions("a", 1, 100)).value();
        EXPECT_EQ(all.next, 0u);
        std::vector<int> balances;
        const auto listed = event::parse_json(all.json).value();
        for (const auto& one : listed.as_array()) balances.push_back(one.at("balanceAfter").to_number<int>());
        EXPECT_EQ(balances, (std::vector<int>{110, 107, 117, 114, 124, 121}));
        const auto page = (co_await bank.accounts.transactions("a", 1, 2)).value();
        EXPECT_EQ(page.next, 4u);
        EXPECT_THAT((co_await bank.accounts.transactions("a", page.next, 1))->json,
                    HasSubstr(R"("type":"DEPOSIT","amount":10,"balanceAfter":117)"));
        EXPECT_EQ((co_await bank.accounts.transactions("a", 99, 1))->json, "[]");
    });
}

TEST_F(BankTest, the_greatest_balances_come_first_now_and_at_any_time) {
    serve([&]() -> awaitable<void> {
        for (const auto& [id, amount] :
             std::vector<std::pair<std::string, int>>{{"a", 5}, {"b", 9}, {"c", 5}})
            EXPECT_TRUE(co_await create(id, amount));
        const auto then = bank.clock.time;
        EXPECT_TRUE(co_await deposit("a", 100));
        auto other = wish(Kind::create, "d", 7);
        other.command.owner = "Lee";
        EXPECT_TRUE(co_await bank.accounts.carry_out(std::move(other)));
        const auto ids = [&](Accounts::Page page,
                             std::optional<Timestamp> at = {}) -> awaitable<std::string> {
            const auto top = co_await bank.accounts.top(std::move(page), at);
            std::string found;
            for (const auto& view : top->accounts) found += view.id;
            co_return found;
        };
        EXPECT_EQ(co_await ids({}), "abdc");
        EXPECT_EQ(co_await ids({.limit = 2}), "ab");
        EXPECT_EQ(co_await ids({.after = {{9, "b"}}, .limit = 2}), "dc");
        EXPECT_EQ(co_await ids({.owner = "Lee"}), "d");
        EXPECT_EQ(co_await ids({}, then), "bac");
        EXPECT_EQ(co_await ids({}, then - 1h), "");
    });
}

TEST_F(BankTest, of_the_whole_banks_past_one_question_is_answered_at_a_time) {
    serve([&]() -> awaitable<void> {
        for (int i = 0; i < 300; ++i) EXPECT_TRUE(co_await create(fmt::format("a{}", i), i));
        int answered = 0, refused = 0;
        aio::Gate gate{core};
        for (int i = 0; i < 5; ++i)
            aio::spawn(core, "asker", [&, hold = gate.enter()]() -> awaitable<void> {
                const auto top = co_await bank.accounts.top({}, bank.clock.time);
                ++(top ? answered : refused);
                if (!top) EXPECT_EQ(top.error().code, query_errc::busy);
            });
        co_await gate.close();
        EXPECT_EQ(answered, 1);
        EXPECT_EQ(refused, 4);
        EXPECT_TRUE(co_await bank.accounts.top({}, bank.clock.time));
    });
}

TEST_F(BankTest, an_event_that_cannot_be_read_is_told_and_nothing_is_decided_on_it) {
    serve([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await create("a", 5));
        std::vector<store::Commit> commits(1);
        commits[0].appends.emplace_back().events.push_back(event::Event::make({.category = &category,
                                                                               .type = 1,
                                                                               .schema_version = 2,
                                                                               .stream_id = "b",
                                                                               .id = "x",
                                                                               .subject = "",
                                                                               .json = "{\"n\":1}"}));
        EXPECT_TRUE((co_await store.commit_many(commits))[0]);
        EXPECT_TRUE(co_await bank.hub.wait_applied(2, 1s));
        EXPECT_EQ(bank.accounts.projection().skipped(), 1u);
        EXPECT_EQ((co_await deposit("b", 1)).error().code, errc::unreadable);
        EXPECT_EQ((co_await deposit("a", 1))->answer.version, 2u);
    });
}

TEST_F(BankTest, a_full_store_is_said_and_does_not_keep_the_caller) {
    serve([&]() -> awaitable<void> {
        store::MemoryStore small{{.permanent_max_bytes = 2'000}};
        store.behind = &small;
        Done outcome = co_await create("a", 5);
        for (int i = 0; i < 100 && outcome; ++i) outcome = co_await deposit("a", 1);
        EXPECT_EQ(outcome.error().code, store::errc::full);
        store.behind = &memory;
    });
}

}  // namespace
}  // namespace stepcast::bank::test
