#include "domain/bank/model.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace stepcast::bank {
namespace {

using Kind = AccountCommand::Kind;
using namespace std::chrono_literals;

const Timestamp opening = *parse_rfc3339("2026-01-01T12:00:00Z");

class AccountTest : public ::testing::Test {
  protected:
    result<void> carry_out(AccountCommand command) {
        command.now = now;
        auto event = decide(account, version, command);
        if (!event) return tl::unexpected{event.error()};
        evolve(account, *event);
        ++version;
        return {};
    }
    result<void> create(std::int64_t amount = 0) {
        return carry_out({.kind = Kind::create, .amount = amount, .owner = "Kim"});
    }
    result<void> deposit(std::int64_t amount, std::string transfer = {}) {
        return carry_out({.kind = Kind::deposit, .amount = amount, .transfer = std::move(transfer)});
    }
    result<void> withdraw(std::int64_t amount, std::string transfer = {}) {
        return carry_out({.kind = Kind::withdraw, .amount = amount, .transfer = std::move(transfer)});
    }
    result<void> close() { return carry_out({.kind = Kind::close}); }

    Account account;
    event::Version version = 0;
    Timestamp now = opening;
};

TEST_F(AccountTest, follows_the_seeds_example) {
    EXPECT_TRUE(create(1'000));
    EXPECT_TRUE(deposit(500));
    EXPECT_TRUE(withdraw(1'500));
    EXPECT_EQ(account.balance, 0);
    EXPECT_EQ(account.transactions, 2u);
    EXPECT_TRUE(close());
    EXPECT_EQ(account.status, Status::closed);
    EXPECT_EQ(account.owner, "Kim");
    EXPECT_EQ(account.currency, "KRW");
}

TEST_F(AccountTest, refuses_with_the_seeds_four_sentences) {
    const auto sentence = [](const result<void>& refused) { return refused.error().text(); };
    EXPECT_TRUE(create(10));
    EXPECT_EQ(sentence(create()), "Account already created");
    EXPECT_EQ(sentence(deposit(0)), "Amount must be positive");
    EXPECT_EQ(sentence(withdraw(-1)), "Amount must be positive");
    EXPECT_EQ(sentence(withdraw(11)), "Insufficient balance");
    EXPECT_TRUE(withdraw(10));
    EXPECT_TRUE(close());
    EXPECT_EQ(sentence(deposit(1)), "Account is not active");
    EXPECT_EQ(sentence(withdraw(1)), "Account is not active");
    EXPECT_EQ(sentence(close()), "Account is not active");
    EXPECT_EQ(version, 3u);
}

TEST_F(AccountTest, is_never_created_again_and_unknown_before) {
    EXPECT_EQ(deposit(1).error().code, errc::unknown_account);
    EXPECT_EQ(close().error().code, errc::unknown_account);
    EXPECT_TRUE(create());
    EXPECT_TRUE(close());
    EXPECT_EQ(create().error().code, errc::already_created);
}

TEST_F(AccountTest, holds_no_more_than_every_client_can_count) {
    EXPECT_EQ(create(max_amount + 1).error().code, errc::invalid_field);
    EXPECT_EQ(create(-1).error().field, "initialBalance");
    EXPECT_TRUE(create(max_amount - 1));
    EXPECT_TRUE(deposit(1));
    EXPECT_EQ(deposit(1).error().code, errc::balance_too_large);
    EXPECT_EQ(deposit(max_amount).error().code, errc::balance_too_large);
}

TEST_F(AccountTest, closes_only_when_it_is_empty_and_nothing_can_come_back) {
    EXPECT_TRUE(create(10));
    EXPECT_EQ(close().error().code, errc::balance_not_zero);
    EXPECT_TRUE(withdraw(4, "T1"));
    EXPECT_TRUE(withdraw(6, "T2"));
    EXPECT_EQ(close().error().code, errc::transfer_pending);
    EXPECT_TRUE(carry_out({.kind = Kind::settle, .transfer = "T1"}));
    EXPECT_EQ(close().error().code, errc::transfer_pending);
    EXPECT_TRUE(deposit(6, "T2")) << "it came back";
    EXPECT_TRUE(withdraw(6));
    EXPECT_TRUE(close());
}

TEST_F(AccountTest, only_its_owner_takes_from_it_and_anyone_pays_in) {
    EXPECT_TRUE(create(10));
    for (const auto kind : {Kind::withdraw, Kind::close}) {
        EXPECT_EQ(carry_out({.kind = kind, .amount = 1, .caller = "Lee"}).error().code, errc::not_owner);
        EXPECT_NE(carry_out({.kind = kind, .amount = 11, .caller = "Kim"}).error().code, errc::not_owner);
    }
    EXPECT_TRUE(carry_out({.kind = Kind::deposit, .amount = 1, .caller = "Lee"}));
}

TEST_F(AccountTest, a_wrong_belief_writes_nothing) {
    EXPECT_TRUE(create(10));
    EXPECT_EQ(carry_out({.kind = Kind::deposit, .amount = 1, .expected = 7}).error().code,
              errc::wrong_version);
    EXPECT_TRUE(carry_out({.kind = Kind::deposit, .amount = 1, .expected = 1}));
}

TEST_F(AccountTest, its_events_never_go_back_in_time) {
    EXPECT_TRUE(create(10));
    now = opening - 1h;
    EXPECT_TRUE(deposit(1));
    EXPECT_EQ(account.updated_at, opening);
    EXPECT_EQ(account.created_at, opening);
}

}  // namespace
}  // namespace stepcast::bank
