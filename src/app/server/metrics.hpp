#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/server/metric_page.hpp"
#include "app/server/process.hpp"
#include "auth/failures.hpp"
#include "base/histogram.hpp"
#include "broadcast/lane_stats.hpp"
#include "bus/bus.hpp"
#include "http/client_limits.hpp"
#include "http/stats.hpp"
#include "store/store.hpp"

namespace stepcast::app {

/// What a scrape sees of the node itself: copies of what belongs to the core strand, and pointers to what any
/// thread may read. A null pointer leaves its metrics out.
struct Readings {
    struct DeadLetters {
        std::string topic;
        std::string error_class;
        std::uint64_t count;
    };

    store::Stats store;
    std::vector<store::CategoryStats> categories;
    const Histogram* commit_seconds = nullptr;
    const Histogram* journal_seconds = nullptr;  ///< null: there is no journal
    std::uint64_t journal_bytes = 0;             ///< of its file
    std::uint64_t journal_log_bytes = 0;         ///< of the log beside it
    bool journal_healthy = true;
    std::uint64_t feed_gaps = 0;  ///< events that the feed gave twice or out of order

    bus::Stats bus;
    std::string_view paused;       ///< what of the store keeps consumption back; empty: nothing
    bool dependency_down = false;  ///< the bus is not there, so nothing is consumed
    std::vector<DeadLetters> dead_letters;

    std::vector<const broadcast::LaneStats*> lanes;
    std::vector<const http::RequestStats*> routes;
    std::uint64_t connections = 0;
    std::uint64_t connections_refused = 0;
    std::uint64_t connections_evicted = 0;
    std::uint64_t received_bytes = 0;  ///< of requests that are not whole or answered yet
    std::uint64_t unsent_bytes = 0;    ///< of answers that their clients have not taken

    const http::ClientLimits* limits = nullptr;     ///< null: there are none
    const auth::Failures* auth_failures = nullptr;  ///< null: auth is off

    std::uint64_t log_lines_dropped = 0;
    ProcessStats process;
};

/// Adds the readings, names begin with `stepcast_`; never labelled by stream or user.
void add_readings(MetricPage& page, const Readings& readings);

}  // namespace stepcast::app
