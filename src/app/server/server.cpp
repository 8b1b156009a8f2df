#include "app/server/server.hpp"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdlib>

#include "aio/reserve.hpp"
#include "aio/spawn.hpp"
#include "app/server/node.hpp"
#include "app/server/offset_clock.hpp"
#include "app/server/process.hpp"
#include "app/server/signals.hpp"
#include "app/server/wiring.hpp"
#include "app/version.hpp"

namespace stepcast::app {
namespace {

using namespace std::chrono_literals;

// What a stop may take beyond `server.drain`. A broker that does not answer is no reason to stay: clients
// have gone by then, and what it has not acknowledged nobody was promised.
constexpr auto patience = 3s;

constexpr auto clock_variable = "STEPCAST_CLOCK_OFFSET_FILE";

// Null: the machine's clock. See README.
result<std::unique_ptr<OffsetClock>> open_clock() {
    const char* path = std::getenv(clock_variable);
    if (path == nullptr) return nullptr;
    spdlog::warn("{}: the wall clock is the machine's plus what {} says", clock_variable, path);
    return OffsetClock::open(path);
}

awaitable<void> stop_all(Node& node, Signals& signals, asio::steady_timer& watchdog) {
    const bool clean = co_await node.stop();
    if (!clean) spdlog::warn("some requests did not finish in time");
    signals.cancel();
    watchdog.cancel();
    spdlog::info("stopped");
}

}  // namespace

int serve(const Config& config) {
    if (raise_descriptor_limit() < static_cast<std::uint64_t>(config.http.max_connections))
        spdlog::warn("the limit of open descriptors is below http.max_connections ({})",
                     config.http.max_connections);
    asio::io_context io{config.server.threads};
    const auto strand = asio::make_strand(io);
    const auto stepped = open_clock();
    if (!stepped) {
        spdlog::error("{}: {}", clock_variable, stepped.error().text());
        return 1;
    }
    const Clock& clock = *stepped ? static_cast<const Clock&>(**stepped) : system_clock();
    auto bus = make_bus(io, config, clock);
    if (!bus) {
        spdlog::error("{}", bus.error().text());
        return 1;
    }
    auto journal = open_journal(config);
    if (!journal) {
        spdlog::error("{}", journal.error().detail);
        return 1;
    }
    auto webhooks = webhook_options(config);
    if (!webhooks) {
        spdlog::error("{}", webhooks.error().text());
        return 1;
    }
    Node node{io,
              config,
              std::move(*bus),
              std::move(*journal),
              clock,
              modules(config, clock.now(), std::move(*webhooks))};
    if (const auto bound = node.listen(); !bound) {
        spdlog::error("{}", bound.error().text());
        return 1;
    }
    asio::steady_timer watchdog{strand};
    // A terminal that closes asks for the end; without one SIGHUP means what it means to every server.
    std::function<void()> on_reload;
    if (node.has_files() && ::isatty(STDIN_FILENO) == 0) on_reload = [&node] { node.reload(); };
    std::unique_ptr<Signals> signals;
    const auto on_stop = [&] {
        watchdog.expires_after(config.server.drain + patience);
        watchdog.async_wait([&node](const std::error_code& error) {
            if (error) return;
            spdlog::warn("leaving without the bus: it did not close in time");
            aio::leave(node.served() ? 0 : 1);
        });
        aio::spawn(strand, "stop", [&] { return stop_all(node, *signals, watchdog); });
    };
    signals = std::make_unique<Signals>(strand, on_stop, on_reload);
    node.start();
    spdlog::info("stepcast {} serves {} ({} bus, {} store, {} threads)", version(), node.url(),
                 config.bus.kind,
                 config.store.path.empty() ? config.store.kind : "journalled " + config.store.kind,
                 config.server.threads);
    const aio::Reserve reserve{io, config.server.threads - 1, aio::core_time_of_this_thread()};
    io.run();
    return 0;
}

}  // namespace stepcast::app
