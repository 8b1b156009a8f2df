// What a start on a journal makes of accounts, whatever became of their snapshots.
#include <stdlib.h>

#include <filesystem>

#include "store/journal/journaled_store.hpp"
#include "unit/bank/bank_fixture.hpp"

namespace stepcast::bank::test {
namespace {

using aio::awaitable;

class StartTest : public stepcast::testing::StrandTest {
  protected:
    using Answers = std::vector<std::pair<Account, event::Version>>;
    static constexpr std::array<const event::Category*, 1> categories{&category};
    static constexpr std::array<const char*, 2> ids{"a", "b"};

    StartTest() {
        std::string name = (std::filesystem::temp_directory_path() / "stepcast-bank-XXXXXX").string();
        folder_ = mkdtemp(name.data());
    }
    ~StartTest() override { std::filesystem::remove_all(folder_); }

    /// A node on the journal, from its start to its stop.
    template <class Body>
    void serve(Body body) {
        auto file = store::JournalFile::open({path(), 0, categories});
        ASSERT_TRUE(file);
        store::JournaledStore store{core, std::move(*file), {}, 0};
        Bank bank{io, core, store, {}};
        run([&]() -> awaitable<void> {
            static const aio::Stop never;
            bank.accounts.begin_at_snapshots(true);
            store.begin_at(bank.hub.begins_at());
            EXPECT_TRUE(co_await store.load(never));
            EXPECT_TRUE(co_await bank.hub.wait_applied(store.head(), 10s));
            bank.accounts.begin_at_snapshots(false);
            co_await body(bank);
            co_await bank.stop();
            co_await store.close();
        });
    }
    static awaitable<void> call(Bank& bank, Accounts::Wish wish) {
        EXPECT_TRUE(co_await bank.accounts.carry_out(std::move(wish)));
    }
    static awaitable<void> deposits(Bank& bank, int count) {
        for (int i = 0; i < count; ++i)
            for (const auto* id : ids)
                co_await call(bank, {.account_id = id,
                                     .command = {.kind = AccountCommand::Kind::deposit, .amount = i + 1}});
    }
    void fill() {
        serve([](Bank& bank) -> awaitable<void> {
            for (const auto* id : ids) co_await call(bank, {.account_id = id, .command = {.owner = "Kim"}});
            co_await deposits(bank, 24);
        });
    }
    /// What is said of every account, now and in the past.
    Answers answers() {
        Answers all;
        serve([&](Bank& bank) -> awaitable<void> {
            EXPECT_EQ(bank.accounts.projection().skipped(), 0u);
            for (const auto* id : ids)
                for (const auto version : std::array<std::optional<event::Version>, 3>{std::nullopt, 7, 22}) {
                    const auto view = co_await bank.accounts.view(id, {.version = version});
                    EXPECT_TRUE(view);
                    if (view) all.emplace_back(view->account, view->version);
                }
        });
        return all;
    }
    void save_everywhere(std::uint32_t schema) {
        serve([&](Bank& bank) -> awaitable<void> {
            for (const auto* id : ids)
                EXPECT_TRUE(co_await bank.store.save_snapshot(category, id, {23, schema, "nonsense"}, false));
        });
    }
    std::string path() const { return folder_ / "journal"; }

  private:
    std::filesystem::path folder_;
};

TEST_F(StartTest, says_the_same_as_before_without_snapshots) {
    fill();
    const auto before = answers();
    EXPECT_EQ(before.front().first.balance, 24 * 25 / 2);
    EXPECT_EQ(before.front().second, 25u);
    {
        store::Database db{path(), store::Database::Mode::write};
        db.run("DELETE FROM snapshots; DELETE FROM snapshots_kept");
    }
    EXPECT_EQ(answers(), before);
}

TEST_F(StartTest, says_the_same_as_before_with_snapshots_that_are_damaged) {
    fill();
    const auto before = answers();
    save_everywhere(state_schema);
    EXPECT_EQ(answers(), before);
}

TEST_F(StartTest, says_the_same_as_before_with_snapshots_of_another_schema) {
    fill();
    const auto before = answers();
    save_everywhere(state_schema + 1);
    EXPECT_EQ(answers(), before);
}

TEST_F(StartTest, goes_on_where_it_was_left) {
    fill();
    serve([](Bank& bank) -> awaitable<void> { co_await deposits(bank, 1); });
    const auto after = answers();
    EXPECT_EQ(after.front().second, 26u);
    EXPECT_EQ(after.front().first.balance, 24 * 25 / 2 + 1);
}

}  // namespace
}  // namespace stepcast::bank::test
