#include "app/signals.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace stepcast::app {
namespace {

TEST(Signals, the_first_one_asks_to_stop) {
    asio::io_context io;
    int stops = 0;
    Signals* self = nullptr;
    Signals signals{asio::make_strand(io), [&] {
                        ++stops;
                        self->cancel();
                    }};
    self = &signals;
    std::raise(SIGTERM);
    io.run_for(std::chrono::seconds{10});
    EXPECT_EQ(stops, 1);
    EXPECT_TRUE(io.stopped()) << "cancel() lets the context run out of work";
}

TEST(Signals, the_second_one_exits_at_once) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        asio::io_context io;
        const Signals signals{asio::make_strand(io), [] { std::raise(SIGINT); }};
        std::raise(SIGTERM);
        io.run_for(std::chrono::seconds{10});
        std::_Exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 128 + SIGINT);
}

}  // namespace
}  // namespace stepcast::app
