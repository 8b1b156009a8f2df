#pragma once
#include <gtest/gtest.h>

#include <asio/io_context.hpp>
#include <chrono>

#include "aio/spawn.hpp"

namespace stepcast::testing {

/// A test whose bodies are coroutines on a strand.
class StrandTest : public ::testing::Test {
  protected:
    /// Runs a body to its end, at which nothing may be suspended.
    template <class Body>
    void run(Body body) {
        bool ended = false;
        aio::spawn(core, "test", [&]() -> aio::awaitable<void> {
            co_await body();
            ended = true;
        });
        io.restart();
        io.run_for(std::chrono::seconds{60});
        EXPECT_TRUE(ended);
        EXPECT_TRUE(io.stopped()) << "something is still suspended";
    }

    asio::io_context io;
    aio::Strand core{asio::make_strand(io)};
};

}  // namespace stepcast::testing
