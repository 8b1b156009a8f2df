// What the order service does where the product service runs elsewhere, and has not been heard of yet.
#include <gmock/gmock.h>

#include "domain/shop/module.hpp"
#include "unit/shop/shop_world.hpp"

namespace stepcast::shop::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ShopWithoutProducts : public stepcast::testing::StrandTest {
  protected:
    /// What keeps a process with these services from being ready before it has read anything.
    std::vector<std::string_view> failing(std::vector<std::string> services) {
        Hand clock;
        Process process{io, core, clock};
        const auto module = module_spec(Settings{.services = std::move(services)}).make(process.parts);
        std::vector<std::string_view> parts;
        module->add_failing(parts);
        return parts;
    }
};

TEST_F(ShopWithoutProducts, is_not_ready_before_it_knows_which_there_are) {
    EXPECT_THAT(failing({"order"}), ElementsAre("shop"));
    EXPECT_THAT(failing({"order", "product"}), IsEmpty());
    EXPECT_THAT(failing({"payment"}), IsEmpty());
}

TEST_F(ShopWithoutProducts, does_not_say_of_a_product_that_there_is_none) {
    World world{io, core, false, 1};
    Carts carts{world.orders_at.parts, world.catalogue, world.orders};
    run([&]() -> awaitable<void> {
        world.catalogue.set_whole(false);
        EXPECT_EQ((co_await carts.put("kim", 9, 1, {}, {})).error().code, errc::rebuilding);
        world.catalogue.set_whole(true);
        EXPECT_EQ((co_await carts.put("kim", 9, 1, {}, {})).error().code, errc::unknown_product);
        for (auto* process : {&world.orders_at, &world.products_at, &world.payments_at})
            process->committer.stop();
        co_await carts.stop();
        co_await world.stop();
    });
}

}  // namespace
}  // namespace stepcast::shop::test
