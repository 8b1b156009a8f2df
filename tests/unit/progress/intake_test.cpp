#include "domain/progress/intake.hpp"

#include <fmt/format.h>

#include "unit/progress/system.hpp"
#include "unit/progress/turns.hpp"

namespace stepcast::progress::test {
namespace {

TEST(Intake, others_have_their_turns_while_a_large_array_is_checked_and_given_to_the_bus) {
    constexpr int count = 9600;
    asio::io_context io{1};
    const aio::Strand core = asio::make_strand(io);
    store::MemoryStore store{store::Limits{}};
    ScriptedBus bus;
    System system{io, core, store, bus, {.topic = "t", .source = "s", .rebuilds = true}};
    ProgressIntake intake{system.service, system.committer, bus, system.ingest, nullptr, "events", "orders"};
    run(io, core, [&]() -> awaitable<void> {
        co_await system.start();
        EXPECT_TRUE(co_await until([&] { return system.ingest.subscribed(); }));
        std::vector<ProgressEvent> events(count);
        for (int i = 0; i < count; ++i) {
            events[static_cast<std::size_t>(i)].task_id = fmt::format("t{}", i);
            events[static_cast<std::size_t>(i)].user_id = "u";
        }
        Turns turns{core};
        const auto given = co_await intake.publish(std::move(events), true);
        turns.end();
        EXPECT_EQ(given.value().size(), count);
        EXPECT_EQ(bus.produced.size(), count);
        EXPECT_GE(turns.count(), 3 * count / 64 - 3) << "once compared, once looked up, once encoded";
        co_await asio::post(core, asio::use_awaitable);  // the last tick
        co_await system.stop();
    });
}

}  // namespace
}  // namespace stepcast::progress::test
