#include "app/server/node_status.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "aio/spawn.hpp"
#include "app/server/api.hpp"
#include "app/server/logging.hpp"
#include "app/server/monitor.hpp"
#include "app/server/wiring.hpp"
#include "event/json.hpp"

namespace stepcast::app {

using aio::awaitable;

std::vector<http::Route> NodeStatus::routes() {
    using enum wire::Method;
    return {{get, "/healthz",
             [](http::Request&, http::Context) -> awaitable<http::Response> {
                 co_return http::Response::json("{\"status\":\"ok\"}").with("Cache-Control", "no-store");
             },
             api::healthz},
            {get, "/readyz",
             [this](http::Request&, http::Context) -> awaitable<http::Response> { co_return ready(); },
             api::readyz},
            {get, "/metrics",
             [this](http::Request&, http::Context) -> awaitable<http::Response> {
                 http::Response response;
                 response.body = co_await metrics();
                 response.with("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                     .with("Cache-Control", "no-store");
                 co_return response;
             },
             api::metrics}};
}

bool NodeStatus::loading() const {
    return parts_.journal != nullptr && parts_.journal->loaded_percent() < 100;
}

int NodeStatus::rebuilt_percent() const {
    if (parts_.hub.live()) return 100;
    if (loading()) return parts_.journal->loaded_percent();
    int percent = 100;
    for (const auto& module : parts_.modules) percent = std::min(percent, module->rebuilt_percent());
    return percent;
}

bool NodeStatus::bus_healthy() const {
    return parts_.bus_ready && parts_.bus.healthy();
}

http::Response NodeStatus::ready() const {
    std::vector<std::string_view> failing;
    if (!loading() && !bus_healthy()) failing.emplace_back("bus");
    for (const auto& module : parts_.modules) module->add_failing(failing);
    if (!parts_.hub.live()) failing.emplace_back("rebuild");
    if (parts_.committer.paused() != flow::Committer::Pause::none ||
        (parts_.journal != nullptr && !parts_.journal->healthy()))
        failing.emplace_back("store");
    if (parts_.tokens && !parts_.tokens->ready()) failing.emplace_back("keys");
    if (parts_.stop.raised()) failing.emplace_back("stopping");
    const std::string body = fmt::format(
        "{{\"status\":\"{}\",\"failing\":[{}],\"rebuiltPercent\":{}}}",
        failing.empty() ? "ready" : "not-ready",
        failing.empty() ? "" : fmt::format("\"{}\"", fmt::join(failing, "\",\"")), rebuilt_percent());
    http::Response response =
        http::Response::json(body, failing.empty() ? 200 : 503).with("Cache-Control", "no-store");
    if (!failing.empty()) response.with("Retry-After", "2");
    return response;
}

awaitable<Readings> NodeStatus::read() {
    auto readings =
        co_await aio::run_on(parts_.core, [this]() -> awaitable<Readings> { co_return read_core(); });
    readings.process = read_process();  // walks all descriptors: not on the core
    co_return readings;
}

Readings NodeStatus::read_core() const {
    Readings readings;
    readings.store = parts_.store.stats();
    const auto written = parts_.store.category_stats();
    for (const auto* category : stored_categories()) {
        const auto of = std::ranges::find(written, category, &store::CategoryStats::category);
        readings.categories.push_back(of == written.end() ? store::CategoryStats{.category = category} : *of);
    }
    readings.bus = parts_.bus.stats();
    readings.paused = flow::Committer::pause_names[static_cast<std::size_t>(parts_.committer.paused())];
    readings.dependency_down = !bus_healthy();
    readings.commit_seconds = &parts_.hub.commit_seconds();
    if (parts_.journal != nullptr) {
        readings.journal_seconds = &parts_.journal->write_seconds();
        readings.journal_bytes = parts_.journal->size().whole;
        readings.journal_log_bytes = parts_.journal->size().log;
        readings.journal_healthy = parts_.journal->healthy();
    }
    readings.feed_gaps = parts_.hub.feed_gaps();
    for (const auto& [where, count] : parts_.dead_letters.counts())
        readings.dead_letters.push_back({where.first, where.second, count});
    for (std::size_t i = 0; i < parts_.broadcaster.size(); ++i)
        readings.lanes.push_back(&parts_.broadcaster.lane(i).stats());
    readings.routes = parts_.router.stats();
    readings.connections = parts_.server.stats().open;
    readings.connections_refused = parts_.server.stats().refused;
    readings.connections_evicted = parts_.server.stats().evicted;
    readings.received_bytes = parts_.server.budgets().received->held();
    readings.unsent_bytes = parts_.server.budgets().unsent.held();
    readings.limits = parts_.limits.on() ? &parts_.limits : nullptr;
    if (parts_.tokens) readings.auth_failures = &parts_.tokens->failures();
    readings.log_lines_dropped = dropped_log_lines();
    return readings;
}

awaitable<std::string> NodeStatus::metrics() {
    MetricPage page;
    add_readings(page, co_await read());
    co_await aio::run_on(parts_.core, [this, &page]() -> awaitable<void> {
        for (const auto& module : parts_.modules) module->read_metrics(page);
        parts_.letter_box.read_metrics(page);
        if (parts_.spans != nullptr) parts_.spans->read_metrics(page);
        parts_.relay.read_metrics(page, parts_.clock.now());
        co_return;
    });
    co_return page.text();
}

awaitable<std::string> NodeStatus::monitor(bool local) {
    auto whole = monitor_object(co_await read(), {.config = parts_.config,
                                                  .epoch = parts_.store.epoch(),
                                                  .streams = parts_.admission.open(),
                                                  .rebuilt_percent = rebuilt_percent(),
                                                  .bus_healthy = bus_healthy(),
                                                  .local = local});
    co_await aio::run_on(parts_.core, [this, &whole]() -> awaitable<void> {
        for (const auto& module : parts_.modules) module->read_monitor(whole);
        co_return;
    });
    std::string out;
    event::append_json_value(out, whole);
    co_return out;
}

}  // namespace stepcast::app
