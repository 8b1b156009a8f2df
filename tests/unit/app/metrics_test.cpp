#include "app/server/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

namespace stepcast::app {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string metrics_text(const Readings& readings) {
    MetricPage page;
    add_readings(page, readings);
    return page.text();
}

TEST(Metrics, names_labels_and_values_are_those_of_the_api) {
    broadcast::LaneStats first;
    broadcast::LaneStats second;
    first.sessions[0] = 2;
    second.sessions[0] = 3;
    second.closed[1] = 4;
    second.lapped = 5;
    http::RequestStats route{"/api/v2/progress/status/{taskId}"};
    route.count(200, 0.001);
    route.count(404, 0.001);
    const http::RequestStats unused{"/healthz"};

    Readings readings;
    readings.store.head = 12;
    const event::Category progress{"progress", "progress", {}, true};
    readings.categories = {{.category = &progress, .committed = 11}};
    readings.feed_gaps = 1;
    readings.bus.paused = 3;
    readings.paused = "store-unavailable";
    readings.dependency_down = true;
    Histogram commits;
    commits.observe(0.002);
    readings.commit_seconds = &commits;
    first.frames[static_cast<std::size_t>(broadcast::FrameKind::event)] = 8;
    second.frames[static_cast<std::size_t>(broadcast::FrameKind::event)] = 1;
    second.frames[static_cast<std::size_t>(broadcast::FrameKind::heartbeat)] = 2;
    second.announced[1] = 9;
    readings.bus.partitions = {{"progress-events", "a", 3, 20, 18}, {"progress-events", "b", 3, 20, 11}};
    readings.dead_letters = {{"progress-events", "malformed", 6}};
    readings.lanes = {&first, &second};
    readings.routes = {&route, &unused};
    const std::string text = metrics_text(readings);

    for (const char* line : {
             "stepcast_sessions{kind=\"user\"} 5\n",
             "stepcast_sessions_closed_total{reason=\"gone\"} 4\n",
             "stepcast_broadcast_lapped_total{lane=\"1\"} 5\n",
             "stepcast_http_requests_total{route=\"/api/v2/progress/status/{taskId}\",status=\"404\"} 1\n",
             "stepcast_http_request_seconds_count{route=\"/api/v2/progress/status/{taskId}\"} 2\n",
             "stepcast_events_committed_total{category=\"progress\"} 11\n",
             "stepcast_bus_lag{topic=\"progress-events\",partition=\"3\"} 9\n",
             "stepcast_dead_letters{topic=\"progress-events\",class=\"malformed\"} 6\n",
             "stepcast_recoveries_total{kind=\"user\",reason=\"stalled\"} 0\n",
             "stepcast_recoveries_total{kind=\"task\",reason=\"stalled\"} 9\n",
             "stepcast_sse_frames_total{event=\"event\"} 9\n",
             "stepcast_sse_frames_total{event=\"heartbeat\"} 2\n",
             "stepcast_feed_gaps_total 1\n",
             "stepcast_commit_seconds_count 1\n",
             "stepcast_bus_paused{reason=\"queue-full\"} 3\n",
             "stepcast_bus_paused{reason=\"store-full\"} 0\n",
             "stepcast_bus_paused{reason=\"store-unavailable\"} 1\n",
             "stepcast_bus_paused{reason=\"dependency\"} 1\n",
             "# TYPE stepcast_delivery_seconds histogram\n",
         })
        EXPECT_THAT(text, HasSubstr(line));
    EXPECT_THAT(text, Not(HasSubstr("reason=\"none\"")));
    EXPECT_THAT(text, Not(HasSubstr("/healthz")));
}

TEST(Metrics, a_histogram_is_the_sum_of_its_lanes_and_ends_at_infinity) {
    broadcast::LaneStats lanes[2];
    lanes[0].delivery_seconds.observe(2e-5);
    lanes[0].delivery_seconds.observe(100);
    lanes[1].delivery_seconds.observe(0.5, 3);
    Readings readings;
    readings.lanes = {&lanes[0], &lanes[1]};
    const std::string text = metrics_text(readings);
    EXPECT_THAT(text, HasSubstr("stepcast_delivery_seconds_bucket{le=\"2.5e-05\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("stepcast_delivery_seconds_bucket{le=\"0.5\"} 4\n"));
    EXPECT_THAT(text, HasSubstr("stepcast_delivery_seconds_bucket{le=\"60\"} 4\n"));
    EXPECT_THAT(text, HasSubstr("stepcast_delivery_seconds_bucket{le=\"+Inf\"} 5\n"));
    EXPECT_THAT(text, HasSubstr("stepcast_delivery_seconds_count 5\n"));
}

TEST(Metrics, every_series_appears_once) {
    broadcast::LaneStats lane;
    Readings readings;
    readings.lanes = {&lane};
    readings.paused = "store-full";
    readings.process = read_process();
    std::istringstream lines{metrics_text(readings)};
    std::set<std::string> seen;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with('#')) continue;
        EXPECT_TRUE(seen.insert(line.substr(0, line.rfind(' '))).second) << line;
    }
    EXPECT_GT(seen.size(), 40u);
}

TEST(Process, what_it_reads_of_itself_is_plausible) {
    const ProcessStats process = read_process();
    EXPECT_GT(process.resident_bytes, 1u << 20);
    EXPECT_GE(process.open_fds, 3u);
    EXPECT_GE(process.max_fds, process.open_fds);
    EXPECT_GE(process.threads, 1u);
    EXPECT_GE(process.uptime_seconds, 0);
    EXPECT_LT(process.uptime_seconds, 600);
    EXPECT_GT(process.start_time_seconds, 1.5e9);
}

}  // namespace
}  // namespace stepcast::app
