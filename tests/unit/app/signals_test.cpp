#include "app/server/signals.hpp"

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

TEST(Signals, sighup_asks_to_read_again_where_there_is_something_to_read) {
    asio::io_context io;
    int stops = 0, reloads = 0;
    Signals* self = nullptr;
    Signals signals{asio::make_strand(io), [&] { ++stops; },
                    [&] {
                        if (++reloads < 2)
                            std::raise(SIGHUP);
                        else
                            self->cancel();
                    }};
    self = &signals;
    std::raise(SIGHUP);
    io.run_for(std::chrono::seconds{10});
    EXPECT_EQ(reloads, 2);
    EXPECT_EQ(stops, 0);
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

/// What a process ends with that raises these, one after another, and drains once it is asked to stop.
int end_of(std::initializer_list<int> numbers, bool nohup = false) {
    const pid_t child = fork();
    if (child == 0) {
        std::signal(SIGHUP, nohup ? SIG_IGN : SIG_DFL);
        asio::io_context io;
        bool asked = false;
        const Signals signals{asio::make_strand(io), [&] { asked = true; }};
        for (const int number : numbers) {
            std::raise(number);
            io.poll();
        }
        std::_Exit(asked ? 7 : 8);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(Signals, no_signal_that_is_no_fault_ends_the_process_without_a_drain) {
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGPWR}) EXPECT_EQ(end_of({number}), 7) << number;
    for (const int number : {SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGSTKFLT, SIGXCPU,
                             SIGXFSZ, SIGPIPE, SIGRTMIN, SIGRTMAX})
        EXPECT_EQ(end_of({number, number}), 8) << number;
    EXPECT_EQ(end_of({SIGUSR1, SIGUSR2, SIGTERM}), 7) << "it is heard behind them";
    EXPECT_EQ(end_of({SIGHUP}, true), 8) << "under nohup a terminal may go";
}

}  // namespace
}  // namespace stepcast::app
