#include "app/server/metrics.hpp"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <map>
#include <span>
#include <utility>

#include "app/version.hpp"

namespace stepcast::app {
namespace {

using prometheus::MetricType;
using Labels = MetricSink::Labels;

/// Adds the rows of one family after another.
class Page {
  public:
    explicit Page(MetricPage& page) : page_{page} {}

    void begin(std::string_view name, std::string_view help, MetricType type) {
        name_ = name;
        type_ = type;
        page_.family(name, help, type);
    }

    void row(double value, Labels labels = {}) {
        type_ == MetricType::Counter ? page_.counter(name_, {}, value, labels)
                                     : page_.gauge(name_, {}, value, labels);
    }
    void row(std::uint64_t value, Labels labels = {}) { row(static_cast<double>(value), labels); }
    /// The sum of histograms with the same bounds.
    void row(std::span<const Histogram* const> parts, Labels labels = {}) {
        page_.histogram(name_, {}, parts, labels);
    }

    void counter(std::string_view name, std::string_view help, std::uint64_t value) {
        begin(name, help, MetricType::Counter);
        row(value);
    }
    void gauge(std::string_view name, std::string_view help, double value) {
        begin(name, help, MetricType::Gauge);
        row(value);
    }
    void histogram(std::string_view name, std::string_view help, const Histogram* value) {
        if (value == nullptr) return;
        begin(name, help, MetricType::Histogram);
        row(std::span{&value, 1});
    }

  private:
    MetricPage& page_;
    std::string_view name_;  // all are literals
    MetricType type_ = MetricType::Untyped;
};

bool empty(const Histogram& histogram) {
    for (std::size_t i = 0; i <= Histogram::bounds.size(); ++i)
        if (histogram.bucket(i) > 0) return false;
    return true;
}

void add_http(Page& page, const Readings& readings) {
    page.begin("stepcast_http_requests_total", "Requests answered", MetricType::Counter);
    for (const http::RequestStats* route : readings.routes) {
        for (int status = http::RequestStats::first_status; status <= http::RequestStats::last_status;
             ++status)
            if (const auto count = route->requests(status); count > 0)
                page.row(count, {{"route", route->route()}, {"status", fmt::format("{}", status)}});
    }
    page.begin("stepcast_http_request_seconds", "From the whole request to its answer",
               MetricType::Histogram);
    for (const http::RequestStats* route : readings.routes) {
        const Histogram* seconds = &route->seconds();
        // A route that nobody has asked for would only make every scrape longer.
        if (!empty(*seconds)) page.row(std::span{&seconds, 1}, {{"route", route->route()}});
    }
    page.gauge("stepcast_http_connections", "Connections open, streams not counted",
               static_cast<double>(readings.connections));
    page.counter("stepcast_http_connections_refused_total", "Connections beyond http.max_connections",
                 readings.connections_refused);
    page.counter("stepcast_http_connections_evicted_total", "Idle connections closed for new ones",
                 readings.connections_evicted);
    page.begin("stepcast_http_pending_bytes",
               "Bytes that clients hold, bounded by http.max_pending_bytes each", MetricType::Gauge);
    page.row(readings.received_bytes, {{"of", "requests"}});
    page.row(readings.unsent_bytes, {{"of", "answers"}});
}

void add_limits(Page& page, const http::ClientLimits& limits) {
    const std::array<std::pair<std::string_view, const http::ClientTable*>, 2> tables{
        {{"address", &limits.addresses()}, {"user", &limits.users()}}};
    page.begin("stepcast_limited_total", "Times that a client was held to one of limits.*",
               MetricType::Counter);
    for (const auto& [by, table] : tables)
        for (std::size_t i = 0; i < http::limited_count; ++i)
            if (const auto what = static_cast<http::Limited>(i); table->bounds(what))
                page.row(table->refused(what), {{"by", by}, {"what", http::limited_names[i]}});
    page.begin("stepcast_limited_clients", "Clients whose use is remembered", MetricType::Gauge);
    for (const auto& [by, table] : tables)
        if (table->on()) page.row(static_cast<std::uint64_t>(table->size()), {{"by", by}});
}

void add_store(Page& page, const Readings& readings) {
    const store::Stats& store = readings.store;
    page.begin("stepcast_events_committed_total", "Events stored", MetricType::Counter);
    for (const auto& of : readings.categories) page.row(of.committed, {{"category", of.category->name}});
    page.counter("stepcast_events_deduplicated_total", "Events that were stored before", store.deduplicated);
    page.histogram("stepcast_commit_seconds", "Duration of a commit group", readings.commit_seconds);
    if (readings.journal_seconds != nullptr) {
        page.histogram("stepcast_journal_write_seconds", "Until a group is on the disk",
                       readings.journal_seconds);
        page.gauge("stepcast_journal_bytes", "Size of the journal's file",
                   static_cast<double>(readings.journal_bytes));
        page.gauge("stepcast_journal_log_bytes",
                   "Size of its log, which grows while something reads the journal for long",
                   static_cast<double>(readings.journal_log_bytes));
        page.gauge("stepcast_journal_writable", "0 while the journal cannot be written",
                   readings.journal_healthy);
    }
    page.gauge("stepcast_store_position", "Position of the newest event", static_cast<double>(store.head));
    page.gauge("stepcast_store_events", "Events held", static_cast<double>(store.events));
    page.gauge("stepcast_store_bytes", "Memory of the events held", static_cast<double>(store.bytes));
    page.gauge("stepcast_store_permanent_bytes", "Of what never expires, beside those",
               static_cast<double>(store.permanent_bytes));
    page.gauge("stepcast_store_streams", "Streams held", static_cast<double>(store.streams));
    page.counter("stepcast_store_expired_total", "Events removed by age or for room", store.expired);
    page.counter("stepcast_feed_gaps_total", "Events that the feed gave twice or out of order; always 0",
                 readings.feed_gaps);
}

void add_bus(Page& page, const Readings& readings) {
    const bus::Stats& bus = readings.bus;
    // Several groups may read one topic: the slowest is told.
    std::map<std::pair<std::string, std::int32_t>, std::int64_t> lags;
    for (const auto& partition : bus.partitions) {
        auto& lag = lags[{partition.topic, partition.partition}];
        lag = std::max(lag, partition.head - partition.position);
    }
    page.begin("stepcast_bus_lag", "Records not yet worked off", MetricType::Gauge);
    for (const auto& [place, lag] : lags)
        page.row(static_cast<double>(lag),
                 {{"topic", place.first}, {"partition", fmt::format("{}", place.second)}});
    page.gauge("stepcast_bus_connected", "1 while the bus answers", bus.connected ? 1 : 0);
    page.begin("stepcast_bus_paused", "Why consumption stands still; queue-full: how many partitions",
               MetricType::Gauge);
    page.row(bus.paused, {{"reason", "queue-full"}});
    for (const std::string_view reason : {"store-full", "store-unavailable"})
        page.row(std::uint64_t{readings.paused == reason}, {{"reason", reason}});
    page.row(std::uint64_t{readings.dependency_down}, {{"reason", "dependency"}});
    page.counter("stepcast_rebalances_total", "Times that partitions were dealt anew", bus.rebalances);
    page.counter("stepcast_bus_produced_total", "Records that the bus has taken", bus.produced);
    page.counter("stepcast_bus_missed_total", "Records that expired in their topic before they were read",
                 bus.missed);
    page.counter("stepcast_bus_produce_failed_total", "Records that the bus did not take",
                 bus.produce_failed);
    page.begin("stepcast_dead_letters", "Records given up", MetricType::Gauge);
    for (const auto& row : readings.dead_letters)
        page.row(row.count, {{"topic", row.topic}, {"class", row.error_class}});
}

void add_broadcast(Page& page, const Readings& readings) {
    using broadcast::LaneStats;
    const auto& lanes = readings.lanes;
    const auto sum = [&](auto member) {
        std::uint64_t total = 0;
        for (const LaneStats* lane : lanes) total += member(*lane).load(std::memory_order_relaxed);
        return total;
    };
    page.begin("stepcast_sessions", "Streams open", MetricType::Gauge);
    for (std::size_t i = 0; i < broadcast::session_kind_names.size(); ++i)
        page.row(sum([i](const LaneStats& lane) -> auto& { return lane.sessions[i]; }),
                 {{"kind", broadcast::session_kind_names[i]}});
    page.begin("stepcast_sessions_closed_total", "Streams ended", MetricType::Counter);
    for (std::size_t i = 1; i < broadcast::close_reason_names.size(); ++i)  // 0: not closed
        page.row(sum([i](const LaneStats& lane) -> auto& { return lane.closed[i]; }),
                 {{"reason", broadcast::close_reason_names[i]}});
    page.begin("stepcast_sse_frames_total", "Frames handed to the kernel", MetricType::Counter);
    for (std::size_t i = 0; i < broadcast::frame_kind_names.size(); ++i)
        page.row(sum([i](const LaneStats& lane) -> auto& { return lane.frames[i]; }),
                 {{"event", broadcast::frame_kind_names[i]}});
    page.begin("stepcast_recoveries_total", "Whole states told; stalled: live, as a task turned so or back",
               MetricType::Counter);
    for (const auto kind : {broadcast::SessionKind::user, broadcast::SessionKind::task}) {
        const auto i = static_cast<std::size_t>(kind);
        page.row(sum([i](const LaneStats& lane) -> auto& { return lane.announced[i]; }),
                 {{"kind", broadcast::session_kind_names[i]}, {"reason", "stalled"}});
    }
    page.counter("stepcast_sse_bytes_total", "Bytes of those frames",
                 sum([](const LaneStats& lane) -> auto& { return lane.bytes; }));
    page.counter("stepcast_sse_coalesced_total", "Events thinned out for slow readers",
                 sum([](const LaneStats& lane) -> auto& { return lane.coalesced; }));

    page.begin("stepcast_broadcast_lapped_total", "Times that a lane fell back to the store",
               MetricType::Counter);
    for (std::size_t i = 0; i < lanes.size(); ++i)
        page.row(lanes[i]->lapped.load(std::memory_order_relaxed), {{"lane", fmt::format("{}", i)}});
    page.begin("stepcast_loop_delay_seconds", "How late a lane's turn came", MetricType::Histogram);
    std::vector<const Histogram*> delivery;
    for (std::size_t i = 0; i < lanes.size(); ++i) {
        const Histogram* delay = &lanes[i]->loop_delay_seconds;
        page.row(std::span{&delay, 1}, {{"lane", fmt::format("{}", i)}});
        delivery.push_back(&lanes[i]->delivery_seconds);
    }
    page.begin("stepcast_delivery_seconds", "From commit to the write to a live stream",
               MetricType::Histogram);
    page.row(std::span<const Histogram* const>{delivery});
}

void add_auth(Page& page, const auth::Failures& failures) {
    page.begin("stepcast_auth_failures_total", "Tokens that were refused", MetricType::Counter);
    for (std::size_t i = 0; i < auth::Failures::reasons.size(); ++i)
        page.row(failures.of(i), {{"reason", auth::Failures::reasons[i].second}});
}

void add_process(Page& page, const ProcessStats& process) {
    page.begin("process_cpu_seconds_total", "User and system CPU time", MetricType::Counter);
    page.row(process.cpu_seconds);
    page.gauge("process_start_time_seconds", "Start time since the Unix epoch", process.start_time_seconds);
    page.gauge("process_resident_memory_bytes", "Resident memory",
               static_cast<double>(process.resident_bytes));
    page.gauge("process_virtual_memory_bytes", "Virtual memory", static_cast<double>(process.virtual_bytes));
    page.gauge("process_open_fds", "Open descriptors", static_cast<double>(process.open_fds));
    page.gauge("process_max_fds", "Limit of open descriptors", static_cast<double>(process.max_fds));
    page.gauge("process_threads", "Threads", static_cast<double>(process.threads));
}

}  // namespace

void add_readings(MetricPage& to, const Readings& readings) {
    Page page{to};
    page.begin("stepcast_build_info", "1, with the version of this build", MetricType::Gauge);
    page.row(std::uint64_t{1}, {{"version", version()}});
    add_http(page, readings);
    if (readings.limits != nullptr) add_limits(page, *readings.limits);
    add_broadcast(page, readings);
    add_store(page, readings);
    add_bus(page, readings);
    if (readings.auth_failures != nullptr) add_auth(page, *readings.auth_failures);
    page.counter("stepcast_log_lines_dropped_total", "Log lines lost to a slow reader of stderr",
                 readings.log_lines_dropped);
    add_process(page, readings.process);
}

}  // namespace stepcast::app
