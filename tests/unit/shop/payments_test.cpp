// What the payment service keeps for the process that comes after it.
#include <gmock/gmock.h>

#include "store/forwarding_store.hpp"
#include "unit/shop/shop_world.hpp"

namespace stepcast::shop::test {
namespace {

/// Lets something happen once between a read and its answer.
class ReadStore final : public store::test::ForwardingStore {
  public:
    using ForwardingStore::ForwardingStore;

    awaitable<result<store::Page>> read_stream(const event::Category& category, std::string_view id,
                                               store::Range range) override {
        auto page = co_await behind->read_stream(category, id, range);
        if (auto next = std::exchange(meanwhile, nullptr)) co_await next();
        co_return page;
    }

    std::function<awaitable<void>()> meanwhile;
};

class PaymentsTest : public stepcast::testing::StrandTest {};

// A crash before the refund leaves the timer alone to tell of it.
TEST_F(PaymentsTest, a_cancel_behind_the_end_of_a_payment_keeps_its_timer) {
    Hand clock;
    Process process{io, core, clock};
    ReadStore store{process.store};
    const auto parts = process.parts_on(store, io, core, clock);
    Till till;
    Payments payments{parts, till, {.timeout = 3s, .circuit = {.failures = 1'000'000}}};
    run([&]() -> awaitable<void> {
        process.hub.start();
        EXPECT_TRUE(co_await payments.on_stock_reserved(
            {.order_id = "O", .user_id = "kim", .total_amount = 20, .payment_method = "CARD"}, {}));
        while (till.takes == 0 || !(co_await process.store.due(Timestamp::max(), 10)).value().empty())
            co_await aio::pause(1ms);
        // One that was set while the payment ended: at the start it is looked at.
        std::vector<store::Commit> late(1);
        late[0].timers.push_back({"shop-payment O", clock.now(), "shop-payment", "O"});
        EXPECT_TRUE((co_await process.store.commit_many(late))[0]);
        till.gives_back = false;
        bool cancelled = false;
        store.meanwhile = [&]() -> awaitable<void> {
            EXPECT_TRUE(co_await payments.on_order_cancelled({.order_id = "O", .user_id = "kim"}, {}));
            cancelled = true;
        };
        payments.start();
        while (!cancelled || till.refunds == 0) co_await aio::pause(1ms);
        EXPECT_EQ((co_await process.store.due(Timestamp::max(), 10)).value().size(), 1u);
        process.committer.stop();
        co_await payments.stop();
        co_await process.hub.stop();
    });
}

}  // namespace
}  // namespace stepcast::shop::test
