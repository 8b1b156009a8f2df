#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/process.hpp"
#include "base/histogram.hpp"
#include "broadcast/lane_stats.hpp"
#include "bus/bus.hpp"
#include "http/stats.hpp"
#include "store/store.hpp"

namespace stepcast::app {

/// What a scrape sees: copies of what belongs to the core strand, and pointers to what any thread may read. A
/// null pointer leaves its metrics out.
struct Readings {
    struct Count {
        std::string_view name;
        std::uint64_t value;
    };
    struct DeadLetters {
        std::string topic;
        std::string error_class;
        std::uint64_t count;
    };

    store::Stats store;
    const Histogram* commit_seconds = nullptr;
    std::uint64_t feed_gaps = 0;
    event::Position applied = 0;   ///< by the progress projection
    std::array<Count, 4> tasks{};  ///< by status, with its name on the wire
    std::uint64_t tasks_stalled = 0;

    bus::Stats bus;
    std::string_view paused;            ///< why consumption stands still; empty: it does not
    std::uint64_t refused_at_http = 0;  ///< events and orders that a POST was refused for
    std::vector<Count> rejected;        ///< records of the events topic that became dead letters, by reason
    std::vector<DeadLetters> dead_letters;
    const Histogram* ingest_age_seconds = nullptr;
    std::uint64_t orders_in_flight = 0;

    std::vector<const broadcast::LaneStats*> lanes;
    std::vector<const http::RequestStats*> routes;
    std::uint64_t connections = 0;
    std::uint64_t connections_refused = 0;

    std::uint64_t log_lines_dropped = 0;
    ProcessStats process;
};

/// The readings in Prometheus' text format, names and labels as in api.md; never labelled by task or user.
std::string metrics_text(const Readings& readings);

}  // namespace stepcast::app
