#include "app/server/signals.hpp"

#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace stepcast::app {
namespace {

// By default each of these would end the process without a drain.
void ignore_others() {
    // A reader of the log that ends, a file that has reached the process's limit: calls fail instead.
    for (const int number : {SIGPIPE, SIGXFSZ, SIGXCPU, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGSTKFLT})
        std::signal(number, SIG_IGN);
    for (int number = SIGRTMIN; number <= SIGRTMAX; ++number) std::signal(number, SIG_IGN);
}

}  // namespace

bool is_ignored(int number) {
    struct sigaction action{};
    return ::sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

Signals::Signals(const aio::Strand& strand, std::function<void()> on_stop, std::function<void()> on_reload)
    : set_{strand}, on_stop_{std::move(on_stop)}, on_reload_{std::move(on_reload)} {
    ignore_others();
    if (!is_ignored(SIGHUP)) set_.add(SIGHUP);
    for (const int number : {SIGTERM, SIGINT, SIGPWR, SIGUSR1, SIGUSR2}) set_.add(number);
    wait();
}

void Signals::wait() {
    set_.async_wait([this](std::error_code error, int number) {
        if (error) return;
        if (number == SIGUSR1 || number == SIGUSR2) {
            spdlog::info("SIGUSR{} is ignored: it means nothing here", number == SIGUSR1 ? 1 : 2);
            return wait();
        }
        if (number == SIGHUP && on_reload_) {
            wait();
            return on_reload_();
        }
        if (!on_stop_) {
            // The user does not want to wait for the drain: nothing is flushed, no destructor runs.
            std::_Exit(128 + number);
        }
        spdlog::info("stopping on SIG{}", ::sigabbrev_np(number));
        const auto on_stop = std::exchange(on_stop_, nullptr);
        // Armed anew first: what is called may cancel it.
        wait();
        on_stop();
    });
}

}  // namespace stepcast::app
