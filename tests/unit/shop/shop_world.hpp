#pragma once
#include <fmt/format.h>
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "aio/notice.hpp"
#include "domain/shop/services.hpp"
#include "store/memory/memory_store.hpp"
#include "unit/flow/list_bus.hpp"
#include "unit/flow/nobody.hpp"
#include "unit/metric_rows.hpp"
#include "unit/strand_test.hpp"

namespace stepcast::shop::test {

using namespace std::chrono_literals;
using aio::awaitable;

/// Moves on only when it is told to.
class Hand final : public Clock {
  public:
    Timestamp now() const override { return time; }
    Timestamp time = *parse_rfc3339("2026-01-01T00:00:00Z");
};

/// What a process has: a store of its own.
struct Process {
    Process(asio::io_context& io, const aio::Strand& core, const Clock& clock)
        : hub{core, store, nobody, clock, 1h},
          committer{core, store, hub},
          dead_letters{bus},
          parts{parts_on(store, io, core, clock)} {}

    /// As `parts`, but for the store that its services read.
    domain::Parts parts_on(store::EventStore& its, asio::io_context& io, const aio::Strand& core,
                           const Clock& clock) {
        return {.io = io,
                .core = core,
                .clock = clock,
                .store = its,
                .bus = bus,
                .publisher = nobody,
                .hub = hub,
                .committer = committer,
                .dead_letters = dead_letters,
                .sse = sse,
                .admission = admission};
    }

    store::MemoryStore store{{}};
    flow::test::ListBus bus;
    flow::Nobody nobody;
    flow::FeedHub hub;
    flow::Committer committer;
    flow::DeadLetters dead_letters;
    http::SseOptions sse;
    http::SseAdmission admission{10, 0};
    domain::Parts parts;
};

/// Has the customers' money. What it is asked to do it may do without saying so.
class Till final : public PaymentProvider {
  public:
    awaitable<Answer> charge(Charge charge, Duration, aio::Stop& stop) override {
        ++asked;
        if (!answers) co_return Answer::silence;
        if (charge.method == "TEST_DECLINE" || given_back.contains(charge.key)) co_return Answer::declined;
        const bool first = taken.try_emplace(charge.key, charge.amount).second;
        takes += first;
        if (charge.method == "TEST_SLOW") {
            busy.insert(charge.key);
            co_await stop.pause(20ms);
        }
        if (charge.method != "TEST_TIMEOUT" && !(first && charge.method == "TEST_LOST_REPLY"))
            co_return Answer::charged;
        co_await stop.pause(2ms);
        co_return Answer::silence;
    }
    awaitable<bool> refund(std::string key, Duration, aio::Stop& stop) override {
        ++refunds;
        if (!gives_back) {
            co_await stop.pause(2ms);
            co_return false;
        }
        taken.erase(key);
        given_back.insert(key);
        co_return true;
    }
    std::int64_t balance() const {
        std::int64_t sum = 0;
        for (const auto& [key, amount] : taken) sum += amount;
        return sum;
    }

    bool answers = true;
    int asked = 0;  ///< charges
    bool gives_back = true;
    int refunds = 0;                            ///< that were asked for
    std::map<std::string, std::int64_t> taken;  ///< by order
    std::set<std::string> given_back;
    std::set<std::string> busy;  ///< orders whose charge was under way once
    int takes = 0;
};

/// The services of a shop, each a process with a store of its own, and the topics between them: messages
/// arrive in any order, and some of them twice.
class World {
  public:
    World(asio::io_context& io, const aio::Strand& core, bool orchestrated, unsigned seed,
          flow::Circuit::Options circuit = {.failures = 1'000'000})
        : chance{seed},
          orders_at{io, core, clock},
          products_at{io, core, clock},
          payments_at{io, core, clock},
          orders{orders_at.parts,
                 catalogue,
                 {.step_timeout = 1min, .ship_after = 1h, .orchestrated = orchestrated}},
          orchestrator{
              orders_at.parts,
              orders,
              {.step_timeout = 1min, .compensation_timeout = 10min, .ship_after = 1h, .look_every = 20ms}},
          products{products_at.parts, ""},
          payments{payments_at.parts, till, {.timeout = 3s, .circuit = circuit}} {
        hear_orders(hearings, orders, orchestrator);
        hear_products(hearings, products);
        hear_payments(hearings, payments);
        products_at.hub.add(catalogue);
        for (auto* process : processes()) process->hub.start();
        orders.start();
        orchestrator.start();
        payments.start();
    }

    awaitable<void> stop() {
        for (auto* process : processes()) process->committer.stop();
        co_await orchestrator.stop();
        co_await orders.stop();
        co_await payments.stop();
        co_await products.stop();
        for (auto* process : processes()) co_await process->hub.stop();
    }

    awaitable<void> stock(std::int64_t product, std::int64_t count) {
        EXPECT_TRUE(co_await products.put({.product_id = product, .name = "p", .price = 10, .stock = count}));
    }
    awaitable<void> order(std::string id, std::int64_t product, std::string method) {
        EXPECT_TRUE(co_await orders.place({.id = std::move(id),
                                           .user = "kim",
                                           .items = {{product, 2, 0}},
                                           .address = {},
                                           .payment_method = std::move(method)}));
    }
    awaitable<Order> look(std::string id) { co_return (co_await orders.view(std::move(id))).value().order; }

    /// Delivers one message that may be delivered, if there is any.
    awaitable<bool> deliver() {
        co_await collect();
        std::vector<std::size_t> free;
        for (std::size_t i = 0; i < mail.size(); ++i)
            if (!held(mail[i])) free.push_back(i);
        if (free.empty()) co_return false;
        const auto at = free[chance() % free.size()];
        const auto letter = mail[at];
        if (chance() % 4 != 0) mail.erase(mail.begin() + static_cast<std::ptrdiff_t>(at));
        const auto work = letter.to->read(letter.value);
        EXPECT_TRUE(work) << letter.value;
        if (!*work) co_return true;  // it says nothing to the service
        const auto done = co_await (*work)(letter.cause);
        EXPECT_TRUE(done) << letter.to->topic << ": " << done.error().text();
        co_return true;
    }
    /// Until nothing happens by itself any more. Who is at work is waited for, but not without end: it may
    /// wait for what does not come.
    awaitable<void> settle() {
        for (int quiet = 0, patience = 70; quiet < 30;) {
            const bool works = co_await at_work();  // before the look at the mail: what it sends is seen
            if (co_await deliver()) {
                quiet = 0, patience = 70;
                continue;
            }
            quiet = works && patience > 0 ? 0 : quiet + 1;
            patience -= works;
            co_await aio::pause(10ms);
        }
    }

    struct Letter {
        const Hearing* to;
        std::string order;
        std::string value;
        event::Metadata cause;
    };
    bool held(const Letter& letter) const {
        if (letter.to->topic == topic::order_events && unled.contains(letter.order)) return true;
        return letter.to->service == "payment" && unheard.contains(letter.order);
    }

    Hand clock;
    std::mt19937 chance;
    Process orders_at, products_at, payments_at;
    Catalogue catalogue;
    Till till;
    Orders orders;
    OrderSagaOrchestrator orchestrator;
    Products products;
    Payments payments;
    std::vector<Hearing> hearings;
    std::vector<Letter> mail;
    std::set<std::string> unheard;  ///< orders that the payment service hears nothing of
    std::set<std::string> unled;    ///< orders whose events the services do not hear

  private:
    /// A payment or a saga is being driven, or the time of one, or of an order, has come.
    awaitable<bool> at_work() {
        stepcast::testing::MetricRows rows;
        payments.read_metrics(rows);
        if (rows.values.at("stepcast_shop_payments_under_way") != 0) co_return true;
        if (orchestrator.sagas().counts().under_way != 0) co_return true;
        for (auto* process : processes()) {
            const auto due = (co_await process->store.due(clock.time, 1'000)).value();
            for (const auto& timer : due)
                if (!timer.kind.ends_with("stuck")) co_return true;  // that is due always
        }
        co_return false;
    }

    std::array<Process*, 3> processes() { return {&orders_at, &products_at, &payments_at}; }

    static event::Metadata cause_of(const store::OutboxMessage& message) {
        std::vector<event::HeaderView> headers;
        for (const auto& [name, value] : message.headers) headers.push_back({name, value});
        return event::caused_by(event::metadata_of(headers), message.id);
    }

    awaitable<void> collect() {
        for (auto* process : processes()) {
            const auto pending = (co_await process->store.outbox(0, 10'000)).value();
            if (pending.empty()) continue;
            std::vector<store::Commit> sent(1);
            for (const auto& one : pending) {
                sent[0].sent.push_back(one->message.id);
                for (const auto& hearing : hearings)
                    if (hearing.topic == one->message.topic)
                        mail.push_back(
                            {&hearing, one->message.key, one->message.value, cause_of(one->message)});
            }
            EXPECT_TRUE((co_await process->store.commit_many(sent))[0]);
        }
    }
};

}  // namespace stepcast::shop::test
