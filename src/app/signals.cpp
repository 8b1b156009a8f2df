#include "app/signals.hpp"

#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdlib>
#include <utility>

namespace stepcast::app {

Signals::Signals(const aio::Strand& strand, std::function<void()> on_stop)
    : set_{strand, SIGTERM, SIGINT}, on_stop_{std::move(on_stop)} {
    std::signal(SIGPIPE, SIG_IGN);  // a reader of the log that ends must not end the server
    wait();
}

void Signals::wait() {
    set_.async_wait([this](std::error_code error, int number) {
        if (error) return;
        if (!on_stop_) {
            // The user does not want to wait for the drain: nothing is flushed, no destructor runs.
            std::_Exit(128 + number);
        }
        spdlog::info("stopping on {}", number == SIGINT ? "SIGINT" : "SIGTERM");
        const auto on_stop = std::exchange(on_stop_, nullptr);
        // Armed anew first: what is called may cancel it.
        wait();
        on_stop();
    });
}

}  // namespace stepcast::app
