#include "aio/offload.hpp"

#include <gtest/gtest.h>
#include <asio/io_context.hpp>
#include <asio/strand.hpp>
#include <atomic>
#include <thread>

#include "aio/notice.hpp"

namespace stepcast::aio {
namespace {

using namespace std::chrono_literals;

class OffloaderTest : public ::testing::Test {
  protected:
    /// Runs a body on the strand, to its end.
    template <class Body>
    void run(Body body) {
        bool ended = false;
        spawn(core, "test", [&]() -> awaitable<void> {
            co_await body();
            ended = true;
        });
        io.run_for(20s);
        EXPECT_TRUE(ended);
    }

    asio::io_context io;
    Strand core{asio::make_strand(io)};
    asio::thread_pool pool{1};
    Offloader offloader{core, pool};
};

TEST_F(OffloaderTest, the_caller_has_the_outcome_on_its_strand) {
    run([&]() -> awaitable<void> {
        const auto here = std::this_thread::get_id();
        for (int i = 0; i < 100; ++i) {
            const auto there =
                co_await offloader.run([i] { return std::pair{i, std::this_thread::get_id()}; });
            EXPECT_EQ(there.first, i);
            EXPECT_NE(there.second, here);
            EXPECT_EQ(std::this_thread::get_id(), here);
        }
    });
}

TEST_F(OffloaderTest, who_looks_resumes_the_caller_once_its_work_is_done) {
    run([&]() -> awaitable<void> {
        std::atomic<bool> goes_on{false}, done{false};
        bool resumed = false;
        offloader.look();  // nothing runs
        spawn(core, "caller", [&]() -> awaitable<void> {
            co_await offloader.run([&] {
                while (!goes_on) std::this_thread::yield();
                done = true;
                return true;
            });
            resumed = true;
        });
        offloader.look();
        EXPECT_FALSE(resumed);
        goes_on = true;
        // This turn does not end before: no other one resumes it.
        while (!resumed) offloader.look();
        EXPECT_TRUE(done);
        co_await pause(1ms);  // the turn that the end asked for finds nobody
    });
}

}  // namespace
}  // namespace stepcast::aio
