// Both styles of an order's saga over the same services: whatever happens, they come to the same.
#include <gmock/gmock.h>

#include "unit/metric_rows.hpp"
#include "unit/shop/shop_world.hpp"

namespace stepcast::shop::test {
namespace {

using ::testing::HasSubstr;

enum class Fate : std::uint8_t {
    happy,
    no_stock,
    declined,
    cancelled_at_once,   // its cancel may be heard before its order
    cancelled_sometime,  // between any two messages
    cancelled_in_charge,
    cancelled_late,  // paid and confirmed
    silent,          // charged, and never said so
    reply_lost,
    unheard  // the payment service is away until the time is over
};
constexpr std::array<std::string_view, 10> fate_names{"happy",
                                                      "no_stock",
                                                      "declined",
                                                      "cancelled_at_once",
                                                      "cancelled_sometime",
                                                      "cancelled_in_charge",
                                                      "cancelled_late",
                                                      "silent",
                                                      "reply_lost",
                                                      "unheard"};
constexpr std::size_t orders_of_each = 3;

std::string id_of(Fate fate, std::size_t number) {
    return fmt::format("{}-{}", fate_names[static_cast<std::size_t>(fate)], number);
}

/// What is left when everything has ended.
struct End {
    std::map<std::string, std::string> orders{};  // status and reason
    Stock stock{};
    std::int64_t balance = 0;
};

class ShopStyles : public stepcast::testing::StrandTest {
  protected:
    awaitable<void> place(World& world) {
        co_await world.stock(1, 1'000);
        co_await world.stock(2, 1);
        for (std::size_t number = 0; number < orders_of_each; ++number)
            for (std::size_t i = 0; i < fate_names.size(); ++i) {
                const auto fate = static_cast<Fate>(i);
                const auto id = id_of(fate, number);
                if (fate == Fate::unheard) world.unheard.insert(id);
                co_await world.order(id, fate == Fate::no_stock ? 2 : 1,
                                     fate == Fate::declined              ? "TEST_DECLINE"
                                     : fate == Fate::silent              ? "TEST_TIMEOUT"
                                     : fate == Fate::reply_lost          ? "TEST_LOST_REPLY"
                                     : fate == Fate::cancelled_in_charge ? "TEST_SLOW"
                                                                         : "CARD");
                if (fate == Fate::cancelled_at_once) EXPECT_TRUE(co_await world.orders.cancel(id, {}));
            }
    }
    /// Whether a customer cancels now, whose order has such a fate.
    awaitable<bool> cancels(World& world, Fate fate, const std::string& id) {
        if (fate == Fate::cancelled_sometime) co_return world.chance() % 50 == 0;
        if (fate == Fate::cancelled_in_charge) co_return world.till.busy.contains(id);
        if (fate != Fate::cancelled_late) co_return false;
        co_return (co_await world.look(id)).status == OrderStatus::confirmed;
    }
    awaitable<void> play(World& world) {
        std::set<std::string> open;
        for (std::size_t number = 0; number < orders_of_each; ++number)
            for (const auto fate :
                 {Fate::cancelled_sometime, Fate::cancelled_in_charge, Fate::cancelled_late})
                open.insert(id_of(fate, number));
        for (int quiet = 0; quiet < 30;) {
            const bool delivered = co_await world.deliver();
            quiet = delivered ? 0 : quiet + 1;
            if (!delivered) co_await aio::pause(5ms);
            for (std::size_t number = 0; number < orders_of_each; ++number)
                for (const auto fate :
                     {Fate::cancelled_sometime, Fate::cancelled_in_charge, Fate::cancelled_late}) {
                    const auto id = id_of(fate, number);
                    if (!open.contains(id) || !co_await cancels(world, fate, id)) continue;
                    open.erase(id);
                    EXPECT_TRUE(co_await world.orders.cancel(id, {}));
                    quiet = 0;
                }
            if (quiet == 29 && !open.empty()) quiet = 0;  // the chance to cancel comes for everybody
        }
    }
    awaitable<End> end_of(World& world) {
        End end{.stock = world.catalogue.stock(), .balance = world.till.balance()};
        for (std::size_t number = 0; number < orders_of_each; ++number)
            for (std::size_t i = 0; i < fate_names.size(); ++i) {
                const auto id = id_of(static_cast<Fate>(i), number);
                const auto order = co_await world.look(id);
                end.orders[id] = fmt::format(
                    "{} {}", order_status_names[static_cast<std::size_t>(order.status)], order.reason);
            }
        co_return end;
    }
    End live(bool orchestrated, unsigned seed) {
        End end;
        World world{io, core, orchestrated, seed};
        run([&]() -> awaitable<void> {
            co_await place(world);
            co_await play(world);
            world.clock.time += 5s;  // nobody waits for the provider any longer
            while ((co_await silent(world)) != 0) co_await world.settle();
            world.clock.time += 1min;  // nor for a service
            co_await world.settle();
            world.unheard.clear();
            co_await world.settle();
            world.clock.time += 1h;
            co_await world.settle();
            end = co_await end_of(world);
            for (const auto& [id, amount] : world.till.taken) EXPECT_EQ(amount, 20) << id;
            if (orchestrated) co_await check_sagas(world);
            EXPECT_EQ((co_await world.orders.cancel("happy-0", {})).error().code, errc::already_shipped);
            co_await world.stop();
        });
        return end;
    }
    /// Orders of which the provider may still be asked again.
    static awaitable<std::size_t> silent(World& world) {
        std::size_t open = 0;
        for (std::size_t number = 0; number < orders_of_each; ++number)
            open += is_open(co_await world.look(id_of(Fate::silent, number)));
        co_return open;
    }
    static awaitable<void> check_sagas(World& world) {
        EXPECT_EQ(world.orchestrator.sagas().counts().stuck, 0u);
        EXPECT_TRUE((co_await world.orders_at.store.due(Timestamp::max(), 100)).value().empty());
        for (const auto& [id, status] : {std::pair{"happy-0", flow::SagaStatus::completed},
                                         {"declined-0", flow::SagaStatus::compensated},
                                         {"no_stock-0", flow::SagaStatus::compensated},
                                         {"unheard-0", flow::SagaStatus::compensated},
                                         {"cancelled_late-0", flow::SagaStatus::compensated}}) {
            const auto saga = co_await world.orchestrator.sagas().load(id);
            EXPECT_TRUE(saga) << id;
            if (saga) EXPECT_EQ(world.orchestrator.saga(*saga->state)->status, status) << id;
        }
    }
};

TEST_F(ShopStyles, come_to_the_same_whatever_happens_and_in_whatever_order_it_is_heard) {
    constexpr std::array<std::string_view, 10> ends{"SHIPPED ",
                                                    "CANCELLED 재고 부족: 상품 2, 주문 2개, 재고 1개",
                                                    "CANCELLED 결제 거절",
                                                    "CANCELLED 고객 취소",
                                                    "CANCELLED 고객 취소",
                                                    "CANCELLED 고객 취소",
                                                    "CANCELLED 고객 취소",
                                                    "CANCELLED 결제 응답 없음",
                                                    "SHIPPED ",
                                                    "CANCELLED 시간 초과"};
    End expected{.balance = 2 * orders_of_each * 20};
    for (std::size_t number = 0; number < orders_of_each; ++number)
        for (std::size_t i = 0; i < ends.size(); ++i)
            expected.orders[id_of(static_cast<Fate>(i), number)] = ends[i];
    expected.stock.products[1] = {"p", 10, 1'000 - 2 * 2 * std::int64_t{orders_of_each}, 0};
    expected.stock.products[2] = {"p", 10, 1, 0};
    for (const unsigned seed : {1u, 2u, 3u})
        for (const bool orchestrated : {false, true}) {
            const auto end = live(orchestrated, seed);
            const auto name =
                fmt::format("seed {}, {}", seed, orchestrated ? "orchestration" : "choreography");
            EXPECT_EQ(end.orders, expected.orders) << name;
            EXPECT_EQ(encode_stock(end.stock), encode_stock(expected.stock)) << name;
            EXPECT_EQ(end.balance, expected.balance) << name;
        }
}

TEST_F(ShopStyles, a_provider_that_does_not_answer_is_left_alone_for_a_while_and_nothing_waits_for_it) {
    World world{io, core, false, 1, {.failures = 2, .open_for = 20s}};
    run([&]() -> awaitable<void> {
        co_await world.stock(1, 10);
        world.till.answers = false;
        for (const auto* id : {"A", "B", "C"}) co_await world.order(id, 1, "CARD");
        co_await world.settle();
        const auto asked = world.till.asked;
        EXPECT_GE(asked, 2);
        EXPECT_LE(asked, 4) << "what was under way when it opened, and no more";
        EXPECT_TRUE(world.mail.empty()) << "their messages are done";
        EXPECT_EQ((co_await world.payments_at.store.due(Timestamp::max(), 10)).value().size(), 3u);
        EXPECT_TRUE((co_await world.payments_at.store.due(world.clock.time + 19s, 10)).value().empty());
        world.till.answers = true;
        world.clock.time += 40s;
        for (int i = 0; i < 20 && world.till.taken.size() < 3; ++i) {
            co_await world.settle();
            world.clock.time += 1s;  // one after the other while it is half-open
        }
        co_await world.settle();
        for (const auto* id : {"A", "B", "C"})
            EXPECT_EQ((co_await world.look(id)).status, OrderStatus::confirmed) << id;
        EXPECT_EQ(world.till.takes, 3);
        co_await world.stop();
    });
}

TEST_F(ShopStyles, an_orchestrated_order_whose_money_does_not_come_back_is_stuck_until_it_is_resumed) {
    World world{io, core, true, 1};
    run([&]() -> awaitable<void> {
        co_await world.stock(1, 10);
        co_await world.order("O", 1, "CARD");
        co_await world.settle();
        world.till.gives_back = false;
        EXPECT_TRUE(co_await world.orders.cancel("O", {}));
        co_await world.settle();
        auto& sagas = world.orchestrator.sagas();
        EXPECT_EQ(sagas.counts().stuck, 0u);
        EXPECT_EQ(world.catalogue.stock().find(1)->reserved, 0) << "what can be undone is";
        world.clock.time += 11min;
        co_await world.settle();
        EXPECT_EQ(sagas.counts().stuck, 1u);
        EXPECT_EQ(world.till.balance(), 20);
        world.till.gives_back = true;
        EXPECT_TRUE(co_await sagas.resume("O", {}));
        // The payment service asks again by itself, at the latest after five seconds.
        for (int i = 0; i < 100 && !world.till.taken.empty(); ++i) co_await world.settle();
        EXPECT_EQ(sagas.counts().stuck, 0u);
        const auto saga = co_await sagas.load("O");
        EXPECT_EQ(world.orchestrator.saga(*saga->state)->status, flow::SagaStatus::compensated);
        EXPECT_EQ(world.till.balance(), 0);
        co_await world.stop();
    });
}

TEST_F(ShopStyles, a_refund_that_takes_too_long_is_told_and_asked_for_until_it_is_made) {
    World world{io, core, false, 1};
    const auto overdue = [&] {
        stepcast::testing::MetricRows rows;
        world.payments.read_metrics(rows);
        return rows.values.at("stepcast_shop_refunds_overdue");
    };
    run([&]() -> awaitable<void> {
        co_await world.stock(1, 10);
        co_await world.order("O", 1, "CARD");
        co_await world.settle();
        world.till.gives_back = false;
        EXPECT_TRUE(co_await world.orders.cancel("O", {}));
        co_await world.settle();
        EXPECT_EQ(overdue(), 0);
        world.clock.time += 10min;
        EXPECT_EQ(overdue(), 1);
        world.till.gives_back = true;
        for (int i = 0; i < 100 && !world.till.taken.empty(); ++i) co_await world.settle();
        EXPECT_EQ(world.till.balance(), 0);
        EXPECT_EQ(overdue(), 0);
        co_await world.stop();
    });
}

TEST_F(ShopStyles, an_orchestrated_order_whose_saga_never_begins_is_ended_in_time) {
    World world{io, core, true, 1};
    run([&]() -> awaitable<void> {
        co_await world.stock(1, 10);
        world.unled = {"O"};
        co_await world.order("O", 1, "CARD");
        co_await world.settle();
        world.clock.time += 119s;
        co_await world.settle();
        EXPECT_EQ((co_await world.look("O")).status, OrderStatus::pending);
        world.clock.time += 1s;
        co_await world.settle();
        EXPECT_EQ((co_await world.look("O")).status, OrderStatus::cancelled);
        EXPECT_EQ((co_await world.look("O")).reason, "시간 초과");
        // What is heard after that begins nothing.
        world.unled.clear();
        co_await world.settle();
        EXPECT_EQ((co_await world.orchestrator.sagas().load("O")).error().code,
                  flow::saga_errc::unknown_saga);
        EXPECT_TRUE((co_await world.orders_at.store.due(Timestamp::max(), 10)).value().empty());
        EXPECT_EQ(world.till.asked, 0);
        co_await world.stop();
    });
}

}  // namespace
}  // namespace stepcast::shop::test
