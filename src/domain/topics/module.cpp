#include "domain/topics/module.hpp"

#include "aio/spawn.hpp"
#include "domain/topics/routes.hpp"
#include "domain/topics/watch.hpp"
#include "event/metadata.hpp"

namespace stepcast::topics {
namespace {

using aio::awaitable;

class TopicModule final : public domain::Module, flow::Projection {
  public:
    TopicModule(const domain::Parts& parts, const Settings& settings)
        : parts_{parts}, settings_{settings}, index_{settings.index}, tails_{parts} {}

    std::vector<bus::TopicSpec> topics() const override { return {}; }
    std::vector<http::Route> routes() override {
        return topic_routes(parts_, tails_, settings_.traces ? &index_ : nullptr);
    }
    std::vector<flow::Projection*> projections() override {
        return settings_.traces ? std::vector<flow::Projection*>{this} : std::vector<flow::Projection*>{};
    }

    awaitable<void> restore() override { co_return; }
    // The messages that commits owe say what they belong to. Copies of dead letters are left out: the letter
    // is an event, and on Kafka each topic takes a client.
    void start() override {
        if (!settings_.traces) return;
        for (const auto& info : parts_.topics()) {
            if (!info.owed || info.name.ends_with(".dlq")) continue;
            watches_.push_back(std::make_unique<Watch>(parts_, index_, info.name, info.sender));
            watches_.back()->start(parts_.clock.now() - settings_.index.keep);
        }
    }
    awaitable<void> stop() override {
        co_await tails_.stop();
        aio::Gate stopped{parts_.core};  // all at once: each may wait for a quiet quarter of a second
        for (const auto& watch : watches_)
            aio::spawn(parts_.core, "stop", [&watch, hold = stopped.enter()] { return watch->stop(); });
        co_await stopped.close();
    }

    void add_failing(std::vector<std::string_view>&) const override {}
    void read_metrics(MetricSink& sink) const override {
        sink.gauge("stepcast_tails", "Streams of topics that are open", static_cast<double>(tails_.count()));
        if (!settings_.traces) return;
        sink.gauge("stepcast_trace_items", "Messages and events in traces",
                   static_cast<double>(index_.size()));
        sink.gauge("stepcast_trace_bytes", "What they take (traces.max_bytes)",
                   static_cast<double>(index_.bytes()));
        sink.counter("stepcast_trace_dropped_total", "Messages and events that traces had no room for",
                     static_cast<double>(index_.dropped()));
    }
    void read_monitor(boost::json::object&) const override {}

  private:
    std::span<const event::Category* const> categories() const override { return settings_.categories; }
    std::vector<store::SnapshotKind> begins_at() const override { return settings_.begins_at; }
    awaitable<void> apply(std::span<const event::EventRef> events, event::Position) override {
        for (const auto& event : events) {
            if (event->metadata().empty()) continue;
            const auto metadata = event::read_metadata(event->metadata());
            if (!metadata || metadata->correlation_id.empty()) continue;
            index_.add(metadata->correlation_id,
                       {event->recorded_at(),
                        StoredEvent{&event->category(), std::string{event->stream_id()}, event->version()}},
                       parts_.clock.now());
        }
        co_return;
    }
    // What is gone from the store is not found there any more.
    void expired(const store::ExpiredStream&) override {}
    void reset() override { index_.clear(); }

    const domain::Parts parts_;
    const Settings settings_;
    TraceIndex index_;
    Tails tails_;
    std::vector<std::unique_ptr<Watch>> watches_;
};

}  // namespace

domain::ModuleSpec module_spec(Settings settings) {
    return {{}, [settings = std::move(settings)](const domain::Parts& parts) {
                return std::make_unique<TopicModule>(parts, settings);
            }};
}

}  // namespace stepcast::topics
