#pragma once
#include <fmt/format.h>
#include <deque>
#include <functional>

#include "domain/bank/accounts.hpp"
#include "store/forwarding_store.hpp"
#include "store/memory/memory_store.hpp"
#include "unit/flow/list_bus.hpp"
#include "unit/flow/nobody.hpp"
#include "unit/strand_test.hpp"

namespace stepcast::bank::test {

using namespace std::chrono_literals;

/// Moves on by a second with each look.
class Ticking final : public Clock {
  public:
    Timestamp now() const override { return time += 1s; }
    mutable Timestamp time = *parse_rfc3339("2026-01-01T00:00:00Z");
};

/// Refuses its next groups as unavailable: some of them although they are written.
class Shaky final : public store::test::ForwardingStore {
  public:
    using ForwardingStore::ForwardingStore;

    awaitable<std::vector<store::CommitResult>> commit_many(std::span<store::Commit> commits) override {
        if (before) co_await before(commits);
        const auto outage = script.empty() ? 0 : script.front();
        if (!script.empty()) script.pop_front();
        if (outage == 2) co_await behind->commit_many(commits);
        if (outage == 0) co_return co_await behind->commit_many(commits);
        co_return std::vector<store::CommitResult>(
            commits.size(), tl::unexpected{store::Refusal{.code = store::errc::unavailable}});
    }

    std::function<awaitable<void>(std::span<store::Commit>)> before;
    std::deque<int> script;  ///< 0: as it should be; 1: not written; 2: written, and refused all the same
};

/// What a node has of a bank, over a store that outlives it.
struct Bank {
    Bank(asio::io_context& io, const aio::Strand& core, store::EventStore& its_store,
         Accounts::Options options)
        : store{its_store},

          hub{core, store, nobody, clock, 1h},
          committer{core, store, hub},
          dead_letters{bus},
          parts{.io = io,
                .core = core,
                .clock = clock,
                .store = store,
                .bus = bus,
                .publisher = nobody,
                .hub = hub,
                .committer = committer,
                .dead_letters = dead_letters,
                .sse = sse,
                .admission = admission},
          accounts{parts, std::move(options)} {
        hub.add(accounts.projection());
        hub.start();
    }
    aio::awaitable<void> stop() {
        committer.stop();
        co_await accounts.stop();
        co_await hub.stop();
    }

    Ticking clock;
    store::EventStore& store;
    flow::test::ListBus bus;
    flow::Nobody nobody;
    flow::FeedHub hub;
    flow::Committer committer;
    flow::DeadLetters dead_letters;
    http::SseOptions sse;
    http::SseAdmission admission{10, 0};
    domain::Parts parts;
    Accounts accounts;
};

class BankTest : public stepcast::testing::StrandTest {
  protected:
    using Kind = AccountCommand::Kind;
    using Done = result<domain::Written>;

    static Accounts::Wish wish(Kind kind, std::string id, std::int64_t amount = 0, std::string key = {}) {
        Accounts::Wish wanted{.account_id = std::move(id)};
        wanted.command = {.kind = kind, .amount = amount, .owner = "Kim", .note = "n"};
        if (!key.empty()) wanted.key = {"c\n" + key, static_cast<std::uint64_t>(amount)};
        return wanted;
    }
    aio::awaitable<Done> create(std::string id, std::int64_t amount = 0) {
        return bank.accounts.carry_out(wish(Kind::create, std::move(id), amount));
    }
    aio::awaitable<Done> deposit(std::string id, std::int64_t amount, std::string key = {}) {
        return bank.accounts.carry_out(wish(Kind::deposit, std::move(id), amount, std::move(key)));
    }
    aio::awaitable<Done> withdraw(std::string id, std::int64_t amount, std::string key = {}) {
        return bank.accounts.carry_out(wish(Kind::withdraw, std::move(id), amount, std::move(key)));
    }
    aio::awaitable<Done> close(std::string id) {
        return bank.accounts.carry_out(wish(Kind::close, std::move(id)));
    }
    aio::awaitable<std::int64_t> balance(std::string id, http::Past past = {}) {
        const auto view = co_await bank.accounts.view(std::move(id), past);
        co_return view ? view->account.balance : -1;
    }
    /// Runs a body, then stops the bank.
    template <class Body>
    void serve(Body body) {
        run([&]() -> aio::awaitable<void> {
            co_await body();
            co_await bank.stop();
        });
    }

    store::MemoryStore memory{{}};
    Shaky store{memory};
    Bank bank{io, core, store, {}};
};

}  // namespace stepcast::bank::test
