#include "app/server/monitor.hpp"

#include <boost/json.hpp>
#include <cmath>

#include "app/version.hpp"

namespace stepcast::app {
namespace {

namespace json = boost::json;

json::object store_part(const Readings& readings, const MonitorFacts& facts) {
    const auto& store = readings.store;
    json::object part{{"kind", facts.config.store.kind},
                      {"path", facts.config.store.path},
                      {"journalBytes", readings.journal_bytes},
                      {"epoch", facts.epoch},
                      {"position", store.head},
                      {"events", store.events},
                      {"streams", store.streams},
                      {"bytes", store.bytes},
                      {"maxBytes", facts.config.store.max_bytes},
                      {"committed", store.committed},
                      {"deduplicated", store.deduplicated},
                      {"expired", store.expired},
                      {"paused", readings.paused}};
    if (!facts.local) part.erase("path");
    return part;
}

json::object bus_part(const Readings& readings, const MonitorFacts& facts) {
    json::array partitions;
    for (const auto& partition : readings.bus.partitions)
        partitions.push_back({{"topic", partition.topic},
                              {"group", partition.group},
                              {"partition", partition.partition},
                              {"head", partition.head},
                              {"position", partition.position},
                              {"lag", std::max<std::int64_t>(0, partition.head - partition.position)}});
    return {{"kind", facts.config.bus.kind},
            {"connected", facts.bus_healthy},
            {"produced", readings.bus.produced},
            {"rebuiltPercent", facts.rebuilt_percent},
            {"partitions", std::move(partitions)}};
}

json::object sessions_part(const Readings& readings, const MonitorFacts& facts) {
    json::object sessions{{"open", facts.streams}};
    for (std::size_t kind = 0; kind < broadcast::session_kind_names.size(); ++kind) {
        std::uint64_t count = 0;
        for (const auto* lane : readings.lanes) count += lane->sessions[kind];
        sessions[broadcast::session_kind_names[kind]] = count;
    }
    json::object closed;
    for (std::size_t reason = 1; reason < broadcast::close_reason_names.size(); ++reason) {
        std::uint64_t count = 0;
        for (const auto* lane : readings.lanes) count += lane->closed[reason];
        closed[broadcast::close_reason_names[reason]] = count;
    }
    sessions["closed"] = std::move(closed);
    sessions["connections"] = readings.connections;
    return sessions;
}

json::object broadcaster_part(const Readings& readings, const MonitorFacts& facts) {
    std::uint64_t frames = 0, bytes = 0, coalesced = 0, lapped = 0;
    for (const auto* lane : readings.lanes) {
        for (const auto& of_kind : lane->frames) frames += of_kind;
        bytes += lane->bytes;
        coalesced += lane->coalesced;
        lapped += lane->lapped;
    }
    return {{"lanes", readings.lanes.size()},
            {"ringSize", facts.config.broadcast.ring_size},
            {"frames", frames},
            {"bytes", bytes},
            {"coalesced", coalesced},
            {"lapped", lapped}};
}

}  // namespace

json::object monitor_object(const Readings& readings, const MonitorFacts& facts) {
    return {
        {"store", store_part(readings, facts)},
        {"bus", bus_part(readings, facts)},
        {"broadcaster", broadcaster_part(readings, facts)},
        {"sessions", sessions_part(readings, facts)},
        {"process",
         {{"version", version()},
          {"uptimeSeconds", std::floor(readings.process.uptime_seconds)},
          {"cpuSeconds", readings.process.cpu_seconds},
          {"residentBytes", readings.process.resident_bytes},
          {"openFds", readings.process.open_fds},
          {"threads", readings.process.threads}}},
    };
}

}  // namespace stepcast::app
