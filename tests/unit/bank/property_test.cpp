// Whatever happens in whatever order, no won is made or lost.
#include <rapidcheck/gtest.h>
#include <map>

#include "unit/bank/bank_fixture.hpp"

namespace stepcast::bank::test {
namespace {

using aio::awaitable;
using Kind = AccountCommand::Kind;

/// One thing that one client asks for.
struct Step {
    Kind kind;
    int account;
    std::int64_t amount;
    int key;  ///< 0: none; the same number asks for the same
};

rc::Gen<Step> any_step() {
    return rc::gen::build<Step>(
        rc::gen::set(&Step::kind,
                     rc::gen::weightedElement<Kind>(
                         {{1, Kind::create}, {5, Kind::deposit}, {5, Kind::withdraw}, {1, Kind::close}})),
        rc::gen::set(&Step::account, rc::gen::inRange(0, 3)),
        rc::gen::set(&Step::amount, rc::gen::inRange<std::int64_t>(0, 50)),
        rc::gen::set(&Step::key, rc::gen::inRange(0, 9)));
}

// What stands under a key is always the same, so that it is asked for again and again.
Accounts::Wish wish_of(Step step) {
    if (step.key > 5) step.key = 0;
    if (step.key != 0)
        step = {step.key % 2 == 0 ? Kind::withdraw : Kind::deposit, step.key % 3, 10 + step.key, step.key};
    Accounts::Wish wish{.account_id = fmt::format("a{}", step.account)};
    wish.command = {.kind = step.kind, .amount = step.amount, .owner = "Kim"};
    if (step.key != 0) wish.key = {fmt::format("k{}", step.key), 1};
    return wish;
}

/// The world of one run: a store that lives on, and banks over it that come and go.
struct World {
    asio::io_context io{1};
    aio::Strand core{asio::make_strand(io)};
    store::MemoryStore memory{{}};
    Shaky store{memory};
    std::map<std::string, std::string> answers;  ///< by key: what was answered first

    template <class Body>
    void run(Body body) {
        bool ended = false;
        aio::spawn(core, "test", [&]() -> awaitable<void> {
            co_await body();
            ended = true;
        });
        io.restart();
        io.run_for(20s);
        RC_ASSERT(ended);
    }
    void note(const Accounts::Wish& wish, const result<domain::Written>& done) {
        if (!done || !wish.key) return;
        const auto [first, fresh] = answers.emplace(wish.key->id, done->answer.body);
        RC_ASSERT(first->second == done->answer.body);
        RC_ASSERT(fresh || done->replayed);
    }
    /// All steps at once, then the bank is gone.
    void life(const std::vector<Step>& steps, std::vector<int> outages) {
        outages.resize(std::min<std::size_t>(outages.size(), 3));  // each is waited for
        Bank bank{io, core, store, {.snapshot_every = 3}};
        store.script.assign(outages.begin(), outages.end());
        std::vector<std::pair<Accounts::Wish, std::optional<result<domain::Written>>>> calls;
        for (const auto& step : steps) calls.emplace_back(wish_of(step), std::nullopt);
        run([&]() -> awaitable<void> {
            aio::Gate gate{core};
            for (auto& call : calls)
                aio::spawn(core, "client", [&, hold = gate.enter()]() -> awaitable<void> {
                    call.second = co_await bank.accounts.carry_out(call.first);
                });
            if (outages.size() % 2 == 1) bank.committer.stop();  // what waits for the store is given up
            co_await gate.close();
            co_await bank.stop();
        });
        store.script.clear();
        for (const auto& [wish, done] : calls) note(wish, *done);
    }
};

/// What the store's events say, read from the first one on.
struct Truth {
    std::map<std::string, std::int64_t> balances;
    std::int64_t put_in = 0;
};

Truth replay(World& world) {
    Truth truth;
    world.run([&]() -> awaitable<void> {
        const auto page = (co_await world.memory.read_all({.from = 1, .limit = 100'000})).value();
        std::map<std::string, event::Version> versions;
        for (const auto& stored : page.events) {
            RC_ASSERT(stored->version() == ++versions[std::string{stored->stream_id()}]);
            const auto event = decode_stored(*stored).value();
            auto& balance = truth.balances[std::string{stored->stream_id()}];
            const auto change = event.type == EventType::money_withdrawn ? -event.amount : event.amount;
            balance += change;
            truth.put_in += change;
            RC_ASSERT(balance >= 0);
        }
    });
    return truth;
}

RC_GTEST_PROP(BankProperty, any_interleaving_with_outages_and_restarts_keeps_every_won, ()) {
    World world;
    world.life({{Kind::create, 0, 40, 0}, {Kind::create, 1, 0, 0}}, {});  // the third one comes by chance
    const auto lives = *rc::gen::inRange(1, 4);
    for (int life = 0; life < lives; ++life)
        world.life(*rc::gen::container<std::vector<Step>>(any_step()),
                   *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 3)));
    const auto truth = replay(world);
    Bank bank{world.io, world.core, world.store, {}};
    world.run([&]() -> awaitable<void> {
        co_await bank.hub.wait_applied(world.store.head(), 5s);
        std::int64_t sum = 0;
        for (const auto& [id, wanted] : truth.balances) {
            const auto live = (co_await bank.accounts.view(id, {})).value();
            const auto folded = (co_await bank.accounts.view(id, {.version = live.version})).value();
            RC_ASSERT(live.account.balance == wanted);
            RC_ASSERT(folded.account == live.account);
            sum += wanted;
        }
        RC_ASSERT(sum == truth.put_in);
        RC_ASSERT(bank.accounts.projection().ledger().size() == truth.balances.size());
        co_await bank.stop();
    });
}

}  // namespace
}  // namespace stepcast::bank::test
