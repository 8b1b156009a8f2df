#include "aio/spawn.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <asio/io_context.hpp>
#include <asio/strand.hpp>
#include <stdexcept>

namespace stepcast::aio {
namespace {

void run_critical(std::function<void()> act) {
    asio::io_context io{1};
    spawn_critical(asio::make_strand(io), "heart", [act]() -> awaitable<void> {
        act();
        co_return;
    });
    io.run();
}

TEST(SpawnVital, an_exception_ends_the_process_with_code_1_and_says_why) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(run_critical([] { throw std::runtime_error{"it broke"}; }), testing::ExitedWithCode(1), "");
}

TEST(SpawnVital, an_end_or_a_cancellation_is_none) {
    run_critical([] {});
    run_critical([] { throw asio::system_error{asio::error::operation_aborted}; });
}

}  // namespace
}  // namespace stepcast::aio
