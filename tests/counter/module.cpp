#include "counter/module.hpp"

#include <fmt/format.h>
#include <map>

#include "aio/spawn.hpp"
#include "flow/replay_source.hpp"

namespace stepcast::counter {
namespace {

using aio::awaitable;
using http::Request;
using http::Response;

constexpr std::array<std::string_view, 1> types{"RAISED"};
constexpr event::Category category{"counter", "raised", types, true};
constexpr std::array<const event::Category*, 1> categories{&category};

struct Counter {
    std::uint64_t value = 0;
    event::Position position = 0;
};
using Counters = std::map<std::string, Counter, std::less<>>;

class CounterProjection final : public flow::Projection {
  public:
    std::span<const event::Category* const> categories() const override { return counter::categories; }
    awaitable<void> apply(std::span<const event::EventRef> events, event::Position through) override {
        for (const auto& event : events)
            counters[std::string{event->stream_id()}] = {event->version(), event->position()};
        applied = through;
        co_return;
    }
    void expired(const store::ExpiredStream& stream) override { counters.erase(stream.stream_id); }
    void reset() override { counters.clear(); }

    Counters counters;
    event::Position applied = 0;
};

/// What one who watches a counter is told.
class OfCounter final : public flow::Recoveries {
  public:
    OfCounter(const domain::Parts& parts, const CounterProjection& projection, std::string id)
        : parts_{parts}, projection_{projection}, id_{std::move(id)} {}

    bool live() const override { return parts_.hub.live(); }
    flow::Replay::Moment moment() const override {
        return {parts_.store.epoch(), projection_.applied, false, {}};
    }
    awaitable<result<flow::Replay::Head>> head() override {
        co_return flow::Replay::Head{parts_.store.head()};
    }
    awaitable<result<store::Page>> read(store::Range range) override {
        return parts_.store.read_stream(category, id_, range);
    }
    awaitable<result<flow::Replay::Begun>> begin(flow::RecoveryReason, event::Position since) override {
        const auto found = projection_.counters.find(id_);
        due_ = found != projection_.counters.end() && found->second.position > since;
        co_return flow::Replay::Begun{};
    }
    awaitable<result<std::optional<flow::Recovery>>> next_due() override {
        const auto found = projection_.counters.find(id_);
        if (!std::exchange(due_, false) || found == projection_.counters.end()) co_return std::nullopt;
        const auto& [value, position] = found->second;
        co_return flow::Recovery{
            event::Event::control(category, fmt::format("event: recovery\ndata: {{\"value\":{}}}\n\n", value),
                                  id_, {}),
            id_, position};
    }
    awaitable<result<std::optional<flow::Recovery>>> next_turned() override { co_return std::nullopt; }
    bool inspects() const override { return false; }
    bool ends_with(const event::Event&) const override { return false; }
    bool admits(const event::Event&) const override { return true; }

  private:
    const domain::Parts& parts_;
    const CounterProjection& projection_;
    const std::string id_;
    bool due_ = false;
};

class CounterModule final : public domain::Module {
  public:
    explicit CounterModule(const domain::Parts& parts) : parts_{parts} {}

    std::vector<bus::TopicSpec> topics() const override { return {}; }
    std::vector<http::Route> routes() override {
        using enum http::Method;
        return {{post,
                 "/api/counters/{id}",
                 [this](Request& request, http::Context) { return raise(request); },
                 {.summary = "Raise a counter", .access = http::Access::user}},
                {get,
                 "/api/counters/{id}",
                 [this](Request& request, http::Context) { return value(request); },
                 {.summary = "What it stands at", .access = http::Access::user}},
                {get,
                 "/api/counters/{id}/subscribe",
                 [this](Request& request, http::Context) { return subscribe(request); },
                 {.summary = "Watch it", .access = http::Access::user}}};
    }
    std::vector<flow::Projection*> projections() override { return {&projection_}; }
    awaitable<void> restore() override { co_return; }
    void start() override { started_ = true; }
    awaitable<void> stop() override {
        started_ = false;
        co_return;
    }
    void add_failing(std::vector<std::string_view>& parts) const override {
        if (!started_) parts.push_back("counter");
    }
    void read_metrics(MetricSink& sink) const override {
        sink.gauge("stepcast_counters", "Counters known", static_cast<double>(projection_.counters.size()));
    }
    void read_monitor(boost::json::object& whole) const override {
        whole["counters"] = projection_.counters.size();
    }

  private:
    awaitable<Response> raise(Request& request) {
        const std::string id{request.path_parameter("id")};
        const std::string event_id{request.parameter("event").value_or("?")};
        store::Commit commit;
        commit.appends.emplace_back().events.push_back(event::Event::make(
            {.category = &category, .stream_id = id, .id = event_id, .subject = "u", .json = R"({"by":1})"}));
        const auto done = co_await parts_.committer.commit(std::move(commit));
        if (!done) co_return Response::problem(409, "conflict", done.error().detail);
        co_await aio::run_on(parts_.core, [this, position = done->position] {
            return parts_.hub.wait_applied(position, std::chrono::seconds{5});
        });
        co_return Response::json(fmt::format("{{\"value\":{}}}", done->version));
    }
    awaitable<Response> value(Request& request) {
        const auto value = co_await aio::run_on(
            parts_.core,
            [this, id = std::string{request.path_parameter("id")}]() -> awaitable<std::uint64_t> {
                const auto found = projection_.counters.find(id);
                co_return found == projection_.counters.end() ? 0 : found->second.value;
            });
        co_return Response::json(fmt::format("{{\"value\":{}}}", value));
    }
    awaitable<Response> subscribe(Request& request) {
        const std::string id{request.path_parameter("id")};
        auto ticket = parts_.admission.admit("u", request.peer);
        if (!ticket) co_return http::sse_busy(request);
        co_return http::sse_response(request,
                                     {.kind = broadcast::SessionKind::task,
                                      .topic = {&category, broadcast::Topic::By::stream, id},
                                      .source = std::make_unique<flow::ReplaySource>(
                                          parts_.core, std::make_unique<OfCounter>(parts_, projection_, id),
                                          std::string{request.header("last-event-id").value_or("")}),
                                      .options = &parts_.sse,
                                      .ticket = std::move(*ticket)});
    }

    const domain::Parts parts_;
    CounterProjection projection_;
    std::atomic<bool> started_{false};
};

}  // namespace

domain::ModuleSpec module_spec() {
    return {categories, [](const domain::Parts& parts) { return std::make_unique<CounterModule>(parts); }};
}

}  // namespace stepcast::counter
