#include "flow/inbox.hpp"

#include "store/memory/memory_store.hpp"
#include "unit/flow/list_bus.hpp"
#include "unit/strand_test.hpp"

namespace stepcast::flow {
namespace {

using namespace std::chrono_literals;
using aio::awaitable;

class InboxTest : public stepcast::testing::StrandTest {
  protected:
    store::MemoryStore store{{}};
    test::ListBus bus;
};

TEST_F(InboxTest, a_message_is_known_to_its_consumer_once_its_commit_is_written) {
    run([&]() -> awaitable<void> {
        Inbox orders{"orders", 169h, store, system_clock()},
            payments{"payments", 169h, store, system_clock()};
        EXPECT_FALSE((co_await orders.handled("m")).value());
        std::vector<store::Commit> commits(1);
        commits[0].inbox = orders.mark("m");
        EXPECT_TRUE((co_await store.commit_many(commits))[0]);
        EXPECT_TRUE((co_await orders.handled("m")).value());
        EXPECT_FALSE((co_await payments.handled("m")).value());
        EXPECT_EQ(orders.duplicates(), 1u);
        EXPECT_EQ(payments.duplicates(), 0u);
        EXPECT_GT(commits[0].inbox->expires, system_clock().now() + 168h);
    });
}

TEST_F(InboxTest, a_topic_that_keeps_records_for_longer_than_they_are_remembered_is_refused) {
    run([&]() -> awaitable<void> {
        EXPECT_TRUE(co_await check_retention(bus, {"a", "b"}, 169h)) << "nothing is kept at all";
        bus.kept["a"] = std::nullopt;
        bus.kept["b"] = 168h;
        EXPECT_TRUE(co_await check_retention(bus, {"a", "b"}, 169h));
        bus.kept["b"] = 169h;
        const auto refused = co_await check_retention(bus, {"a", "b"}, 169h);
        EXPECT_FALSE(refused);
        if (refused) co_return;
        EXPECT_EQ(refused.error().code, bus::errc::unfit);
        EXPECT_NE(refused.error().detail.find("b keeps its records for 169.0 h"), std::string::npos)
            << refused.error().detail;
    });
}

}  // namespace
}  // namespace stepcast::flow
