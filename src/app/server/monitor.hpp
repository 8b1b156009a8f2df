#pragma once
#include <boost/json/object.hpp>
#include <string_view>

#include "app/config/config.hpp"
#include "app/server/metrics.hpp"

namespace stepcast::app {

/// What the monitor shows besides the readings.
struct MonitorFacts {
    const Config& config;
    std::string_view epoch;
    std::size_t streams = 0;
    int rebuilt_percent = 100;
    bool bus_healthy = true;
    bool local = false;  ///< a client on this machine asks, who may see its paths
};

/// The node's part of the monitor's JSON: store, bus, broadcaster, sessions and process. Modules add theirs.
boost::json::object monitor_object(const Readings& readings, const MonitorFacts& facts);

}  // namespace stepcast::app
