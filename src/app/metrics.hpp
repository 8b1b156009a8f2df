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
    struct Recoveries {
        std::string_view kind;
        std::string_view reason;
        std::uint64_t value;
    };
    struct DeadLetters {
        std::string topic;
        std::string error_class;
        std::uint64_t count;
    };

    store::Stats store;
    const Histogram* commit_seconds = nullptr;
    const Histogram* journal_seconds = nullptr;  ///< null: there is no journal
    std::uint64_t journal_bytes = 0;             ///< of its file
    std::uint64_t journal_log_bytes = 0;         ///< of the log beside it
    bool journal_healthy = true;
    std::uint64_t feed_gaps = 0;   ///< events that the feed gave twice or out of order
    std::vector<Count> snapshots;  ///< by result
    event::Position applied = 0;   ///< by the progress projection
    std::array<Count, 4> tasks{};  ///< by status, with its name on the wire
    std::uint64_t tasks_stalled = 0;

    bus::Stats bus;
    std::string_view paused;              ///< what of the store keeps consumption back; empty: nothing
    bool dependency_down = false;         ///< the bus is not there, so nothing is consumed
    std::vector<Count> rejected_at_http;  ///< POSTs of events and orders that were refused, by reason
    std::vector<Count> rejected;          ///< records of the events topic that became dead letters, by reason
    std::vector<Recoveries> recoveries;   ///< told to streams that connect
    std::vector<DeadLetters> dead_letters;
    const Histogram* ingest_age_seconds = nullptr;
    std::uint64_t orders_in_flight = 0;

    std::vector<const broadcast::LaneStats*> lanes;
    std::vector<const http::RequestStats*> routes;
    std::uint64_t connections = 0;
    std::uint64_t connections_refused = 0;
    std::uint64_t received_bytes = 0;  ///< of requests that are not whole or answered yet
    std::uint64_t unsent_bytes = 0;    ///< of answers that their clients have not taken

    std::uint64_t log_lines_dropped = 0;
    ProcessStats process;
};

/// The readings in Prometheus' text format, names and labels as in api.md; never labelled by task or user.
std::string metrics_text(const Readings& readings);

}  // namespace stepcast::app
