#pragma once
#include <string>

#include "app/config.hpp"
#include "app/metrics.hpp"

namespace stepcast::app {

/// What the monitor shows besides the readings.
struct MonitorFacts {
    const Config& config;
    std::string_view epoch;
    std::int64_t lag = 0;
    std::size_t streams = 0;
    int rebuilt_percent = 100;
    bool bus_healthy = true;
};

/// The JSON of GET /api/v2/progress/monitor: store, bus, broadcaster, sessions, tasks and process.
std::string monitor_json(const Readings& readings, const MonitorFacts& facts);

}  // namespace stepcast::app
