#include "app/server/process.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

namespace stepcast::app {
namespace {

using Steady = std::chrono::steady_clock;

TEST(Process, is_not_read_anew_by_whoever_asks_often) {
    bool quick = false;
    for (int round = 0; round < 20 && !quick; ++round) {
        std::this_thread::sleep_for(process_stats_age);
        const auto start = Steady::now();
        const auto first = read_process().open_fds;
        const int descriptor = ::dup(STDOUT_FILENO);
        const auto second = read_process().open_fds;
        // On a machine that stands still in between it is read anew, and rightly.
        quick = Steady::now() - start < process_stats_age;
        if (quick) EXPECT_EQ(second, first);
        std::this_thread::sleep_for(process_stats_age);
        EXPECT_EQ(read_process().open_fds, first + 1);
        ::close(descriptor);
    }
    EXPECT_TRUE(quick);
}

}  // namespace
}  // namespace stepcast::app
