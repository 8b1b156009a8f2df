#include "domain/topics/routes.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <map>
#include <memory>

#include "aio/spawn.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "domain/topics/api.hpp"
#include "domain/topics/record_json.hpp"
#include "event/json.hpp"
#include "event/metadata.hpp"
#include "http/parameters.hpp"

namespace stepcast::topics {
namespace {

using aio::awaitable;
using http::Context;
using http::Request;
using http::Response;

constexpr std::size_t max_item_bytes = 256 * 1024;     // of one item of a trace
constexpr std::size_t answer_bytes = 4 * 1024 * 1024;  // a trace is cut behind the item that exceeds it

// Streams for one client only: no event of it is ever stored or told to others.
constexpr std::array<std::string_view, 1> tail_types{"RECORD"};
constexpr event::Category tail_category{"tail", "record", tail_types, true};

struct RouteParts {
    domain::Parts parts;
    Tails& tails;
    TraceIndex* index;
};

/// A JSON object that is being written; empty texts are left out.
class Item {
  public:
    Item(Timestamp at, std::string_view kind) {
        event::append_json_string(json += "{\"at\":", format_rfc3339(at));
        text("kind", kind);
    }
    Item& text(std::string_view name, std::string_view value) {
        if (value.empty()) return *this;
        json.append(",\"").append(name).append("\":");
        if (valid_utf8(value))
            event::append_json_string(json, value);
        else
            event::append_json_value(json, event::json_of_bytes(value));
        return *this;
    }
    template <class Number>
    Item& number(std::string_view name, Number value) {
        append_number(json.append(",\"").append(name).append("\":"), value);
        return *this;
    }

    std::string json;
};

TraceRow row_of(Timestamp at, const SeenMessage& seen) {
    Item item{at, "message"};
    item.text("topic", seen.topic)
        .number("partition", seen.partition)
        .number("offset", seen.offset)
        .text("key", seen.key)
        .text("type", seen.type)
        .text("id", seen.id)
        .text("causationId", seen.causation_id)
        .text("traceparent", seen.traceparent)
        .text("service", seen.service);
    append_value(item.json, "data", seen.value, max_item_bytes);
    return {at, seen.id, seen.causation_id, std::move(item.json += '}')};
}

TraceRow row_of(const event::Event& event) {
    const auto metadata = event::read_metadata(event.metadata()).value_or(event::Metadata{});
    auto id = event::reference_of(event);
    Item item{event.recorded_at(), "event"};
    item.text("stream", fmt::format("{}-{}", event.category().name, event.stream_id()))
        .number("version", event.version())
        .number("position", event.position())
        .text("type", event.type())
        .text("id", id)
        .text("correlationId", metadata.correlation_id)
        .text("causationId", metadata.causation_id)
        .text("traceparent", metadata.traceparent)
        .text("actor", metadata.actor);
    item.json.append(",\"data\":{").append(event.body()) += '}';
    return {event.recorded_at(), std::move(id), metadata.causation_id, std::move(item.json)};
}

struct Told {
    std::vector<TraceRow> rows;
    bool truncated = false;
};

// An event that has expired, or was erased, is told no more.
awaitable<result<std::optional<Told>>> look_up(RouteParts& parts, std::string_view correlation_id) {
    auto trace =
        parts.index == nullptr ? std::nullopt : parts.index->find(correlation_id, parts.parts.clock.now());
    if (!trace) co_return std::nullopt;
    Told told{.rows = {}, .truncated = trace->truncated};
    std::size_t bytes = 0;
    for (const auto& [at, what] : trace->items) {
        if (bytes >= answer_bytes) {
            told.truncated = true;
            break;
        }
        if (const auto* seen = std::get_if<SeenMessage>(&what)) {
            told.rows.push_back(row_of(at, *seen));
        } else {
            const auto& stored = std::get<StoredEvent>(what);
            const auto page = co_await parts.parts.store.read_stream(
                *stored.category, stored.stream_id,
                {store::Range::By::version, stored.version, stored.version, 1});
            if (!page) co_return tl::unexpected{page.error()};
            told.truncated = told.truncated || page->events.empty();
            if (page->events.empty()) continue;
            told.rows.push_back(row_of(*page->events.front()));
        }
        bytes += told.rows.back().json.size();
    }
    sort_rows(told.rows);
    co_return told;
}

awaitable<Response> get_trace(RouteParts& parts, Request& request) {
    const std::string id{request.path_parameter("correlationId")};
    const auto told = co_await aio::run_on(parts.parts.core, [&] { return look_up(parts, id); });
    if (!told)
        co_return Response::problem(503, "store-unavailable", "the store cannot be read now")
            .with("Retry-After", "1");
    if (!*told)
        co_return Response::problem(404, "trace-not-found",
                                    parts.index == nullptr ? "nothing is traced here (traces.enabled)"
                                                           : "nothing of this correlation was seen lately");
    std::string out = "{\"correlationId\":";
    event::append_json_string(out, id);
    out.append(",\"truncated\":").append((*told)->truncated ? "true" : "false").append(",\"items\":[");
    for (const auto& row : (*told)->rows) {
        if (out.back() != '[') out += ',';
        out += row.json;
    }
    co_return Response::json(std::move(out += "]}")).with("Cache-Control", "no-store");
}

/// What is known of a topic's partitions: heads by all who read it, positions by group.
struct Known {
    std::map<std::int32_t, std::int64_t> heads;
    std::map<std::string, std::map<std::int32_t, std::int64_t>> groups;
};

void append_group(std::string& out, const std::string& name, const Known& known,
                  const std::map<std::int32_t, std::int64_t>& positions) {
    event::append_json_string(out += out.back() == '[' ? "{\"group\":" : ",{\"group\":", name);
    std::int64_t lag = 0;
    std::string partitions = "[";
    for (const auto& [partition, position] : positions) {
        const auto head = known.heads.at(partition);
        lag += std::max<std::int64_t>(0, head - position);
        partitions += fmt::format("{}{{\"partition\":{},\"position\":{},\"head\":{}}}",
                                  partitions.back() == '[' ? "" : ",", partition, position, head);
    }
    out += fmt::format(",\"lag\":{},\"partitions\":{}]}}", lag, partitions);
}

void append_topic(std::string& out, const std::string& name, const Known& known) {
    event::append_json_string(out += out.back() == '[' ? "{\"name\":" : ",{\"name\":", name);
    std::int64_t messages = 0;
    std::string partitions = "[", groups = "[";
    for (const auto& [partition, head] : known.heads) {
        messages += head;
        partitions += fmt::format("{}{{\"partition\":{},\"head\":{}}}", partitions.back() == '[' ? "" : ",",
                                  partition, head);
    }
    if (!known.heads.empty()) append_number(out += ",\"messages\":", messages);
    for (const auto& [group, positions] : known.groups) append_group(groups, group, known, positions);
    out += fmt::format(",\"partitions\":{}],\"groups\":{}]}}", partitions, groups);
}

awaitable<Response> get_topics(RouteParts& parts, Request&) {
    const auto stats = parts.parts.bus.stats();
    std::map<std::string, Known> topics;
    for (const auto& info : parts.parts.topics()) topics[info.name];
    for (const auto& each : stats.partitions) {
        auto& known = topics[each.topic];
        auto& head = known.heads[each.partition];
        head = std::max(head, each.head);
        if (!each.group.empty()) known.groups[each.group][each.partition] = each.position;
    }
    std::string out = "{\"topics\":[";
    for (const auto& [name, known] : topics) append_topic(out, name, known);
    out.append("],\"connected\":").append(stats.connected ? "true}" : "false}");
    co_return Response::json(std::move(out)).with("Cache-Control", "no-store");
}

awaitable<Response> tail(RouteParts& parts, Request& request, Context context) {
    Wanted wanted{.topic = std::string{request.path_parameter("topic")}};
    const auto known = parts.parts.topics();
    if (std::ranges::find(known, wanted.topic, &domain::TopicInfo::name) == known.end())
        co_return Response::problem(404, "unknown-topic", "there is no such topic here");
    if (const auto key = request.parameter("key")) wanted.key.emplace(*key);
    auto partition = http::optional_number(request, "partition", {.min = 0, .max = INT32_MAX});
    if (!partition) co_return std::move(partition.error());
    if (*partition) wanted.partition = static_cast<std::int32_t>(**partition);
    auto ticket = parts.parts.admission.admit(request.principal.subject, request.peer);
    if (!ticket) co_return http::sse_busy(request);
    auto source = co_await aio::run_on(
        parts.parts.core,
        [&, lane = context.lane.strand()]() -> awaitable<std::unique_ptr<broadcast::StreamSource>> {
            co_return parts.tails.open(std::move(wanted), lane);
        });
    if (!source) co_return http::sse_busy(request);
    co_return http::sse_response(request,
                                 {.kind = broadcast::SessionKind::task,
                                  .topic = {&tail_category, broadcast::Topic::By::stream, random_uuid()},
                                  .source = std::move(source),
                                  .options = &parts.parts.sse,
                                  .ticket = std::move(*ticket)});
}

}  // namespace

std::vector<http::Route> topic_routes(const domain::Parts& its_parts, Tails& tails, TraceIndex* index) {
    const auto parts = std::make_shared<RouteParts>(RouteParts{its_parts, tails, index});
    const auto to = [parts](awaitable<Response> (*handle)(RouteParts&, Request&)) -> http::Handler {
        return [parts, handle](Request& request, Context) { return handle(*parts, request); };
    };
    // A client that gets no stream must not keep a connection.
    const auto stream = [parts](Request& request, Context context) -> awaitable<Response> {
        Response response = co_await tail(*parts, request, context);
        response.close = response.takeover == nullptr;
        co_return response;
    };
    using enum wire::Method;
    return {{get, "/api/topics", to(get_topics), api::topics},
            {get, "/api/topics/{topic}/tail", stream, api::tail},
            {get, "/api/traces/{correlationId}", to(get_trace), api::trace}};
}

}  // namespace stepcast::topics
