#include "domain/progress/module.hpp"

#include <asio/experimental/awaitable_operators.hpp>

#include "aio/spawn.hpp"
#include "domain/progress/answers.hpp"
#include "domain/progress/api.hpp"
#include "domain/progress/codec.hpp"
#include "domain/progress/intake.hpp"
#include "domain/progress/routes.hpp"

namespace stepcast::progress {
namespace {

namespace json = boost::json;

constexpr std::array<const event::Category*, 1> categories{&category};

double number(std::uint64_t count) {
    return static_cast<double>(count);
}

class ProgressModule final : public domain::Module {
  public:
    ProgressModule(const domain::Parts& parts, const Settings& settings)
        : parts_{parts},
          service_{parts.core, parts.store, parts.hub, parts.publisher, parts.clock, settings.service},
          sources_{service_},
          ingest_{parts.io,  service_,           parts.hub,      parts.committer,
                  parts.bus, parts.dead_letters, settings.ingest},
          events_topic_{settings.ingest.topic},
          orders_topic_{settings.orders ? settings.orders->orders_topic : ""},
          orders_{settings.orders
                      ? std::make_unique<OrderConsumer>(parts.io, service_, parts.committer, parts.bus,
                                                        parts.dead_letters, *settings.orders)
                      : nullptr},
          intake_{service_,      parts.committer, parts.bus,    ingest_,
                  orders_.get(), events_topic_,   orders_topic_} {}

    std::vector<bus::TopicSpec> topics() const override {
        std::vector<bus::TopicSpec> topics{{events_topic_}, {events_topic_ + ".dlq"}};
        if (orders_) topics.insert(topics.end(), {{orders_topic_}, {orders_topic_ + ".dlq"}});
        return topics;
    }
    std::vector<std::string> owes() const override {
        std::vector<std::string> topics{events_topic_ + ".dlq"};
        if (orders_) topics.push_back(orders_topic_ + ".dlq");
        return topics;
    }
    std::vector<std::string> inbox_topics() const override {
        return orders_ ? std::vector{orders_topic_} : std::vector<std::string>{};
    }
    std::vector<domain::TopicInfo> topic_infos() const override {
        std::vector<domain::TopicInfo> infos{api::events_topic(events_topic_),
                                             domain::dead_letters_of(events_topic_)};
        if (orders_) {
            infos.push_back(api::orders_topic(orders_topic_));
            infos.push_back(domain::dead_letters_of(orders_topic_));
        }
        return infos;
    }
    std::vector<http::Route> routes() override {
        return progress_routes({.service = service_,
                                .sources = sources_,
                                .intake = intake_,
                                .sse = parts_.sse,
                                .admission = parts_.admission,
                                .v1_streams = v1_streams_,
                                .monitor = parts_.monitor,
                                .orders_enabled = orders_ != nullptr});
    }
    std::vector<flow::Projection*> projections() override { return {&service_}; }

    awaitable<void> restore() override {
        service_.start();
        return ingest_.restore();
    }
    void start() override {
        ingest_.start();
        if (orders_) orders_->start();
        started_ = true;
    }
    bool subscribed() const override { return ingest_.subscribed() && (!orders_ || orders_->subscribed()); }
    awaitable<void> stop() override {
        if (orders_) {
            using namespace asio::experimental::awaitable_operators;
            co_await (orders_->stop() && ingest_.stop());
        } else {
            co_await ingest_.stop();
        }
        co_await service_.stop();
    }

    void add_failing(std::vector<std::string_view>& parts) const override {
        if (started_ && !ingest_.running()) parts.push_back("ingest");
    }
    int rebuilt_percent() const override { return ingest_.rebuilt_percent(); }
    void read_metrics(MetricSink& sink) const override;
    void read_monitor(json::object& whole) const override;
    awaitable<result<std::optional<std::string>, http::Response>> state_of(const event::Category&,
                                                                           std::string stream_id,
                                                                           event::Version version) override {
        const auto view = co_await service_.status(stream_id, version);
        if (!view) co_return tl::unexpected{answer_for(view.error())};
        const ProgressState& state = view->state;
        std::string out;
        append_snapshot(out, stream_id, view->user_id, state, outlook(state, state.measured_at, false),
                        false);
        co_return out;
    }

  private:
    const domain::Parts parts_;
    ProgressEventService service_;
    ProgressSources sources_;
    ProgressIngest ingest_;
    const std::string events_topic_;
    const std::string orders_topic_;
    const std::unique_ptr<OrderConsumer> orders_;  // null: off
    ProgressIntake intake_;
    http::LatestWins v1_streams_;
    std::atomic<bool> started_{false};
};

void read_tasks(MetricSink& sink, const ProgressProjection::Counts& counts, event::Position head) {
    for (std::size_t i = 0; i < counts.by_status.size(); ++i)
        sink.gauge("stepcast_tasks", "Tasks by status", number(counts.by_status[i]),
                   {{"status", event_type_names[i]}});
    sink.gauge("stepcast_tasks_stalled", "Running tasks without an event for progress.stall_after",
               number(counts.stalled));
    sink.gauge("stepcast_projection_lag_events", "Events stored and not yet folded",
               number(head - std::min(head, counts.applied)), {{"projection", "progress"}});
}

void read_order(MetricSink& sink, const ProgressProjection::Counts& counts, std::uint64_t split) {
    sink.counter("stepcast_tasks_split_total",
                 "Tasks whose events came over several partitions, so that nothing keeps their order",
                 number(split));
    sink.counter("stepcast_seq_gaps_total", "Events whose seq left out numbers", number(counts.seq_gaps));
    sink.counter(
        "stepcast_seq_stale_total",
        "Events whose seq was not above the highest of their task: stored, and of no effect on its state",
        number(counts.seq_stale));
}

void read_snapshots(MetricSink& sink, const StoredTasks::Counts& counts) {
    const auto snapshots = [&](std::string_view result, std::uint64_t count) {
        sink.counter("stepcast_snapshots_total", "Snapshots: saved, failed, or read and ignored",
                     number(count), {{"result", result}});
    };
    snapshots("saved", counts.saved);
    snapshots("failed", counts.failed);
    snapshots("ignored", counts.ignored);
}

void read_recoveries(MetricSink& sink, const ProgressSources::Counts& counts) {
    const auto recoveries = [&](std::string_view kind, std::size_t reason, std::uint64_t count) {
        sink.counter("stepcast_recoveries_total",
                     "Whole states told; stalled: live, as a task turned so or back", number(count),
                     {{"kind", kind}, {"reason", recovery_reason_names[reason]}});
    };
    for (std::size_t reason = 0; reason < recovery_reason_names.size(); ++reason) {
        recoveries("user", reason, counts.of_users[reason]);
        recoveries("task", reason, counts.of_tasks[reason]);
    }
}

void read_rejected(MetricSink& sink, const ProgressIngest::Counts& counts, const ProgressIntake& intake) {
    const auto rejected = [&](std::string_view where, std::string_view reason, std::uint64_t count) {
        sink.counter("stepcast_events_rejected_total", "Records that could not be events", number(count),
                     {{"door", where}, {"reason", reason}});
    };
    rejected("topic", "malformed", counts.rejected_malformed);
    rejected("topic", "invalid-field", counts.rejected_field);
    rejected("topic", "tombstone", counts.rejected_tombstone);
    rejected("topic", "not-owner", counts.rejected_owner);
    rejected("topic", "idempotency-conflict", counts.rejected_conflict);
    rejected("topic", "too-old", counts.rejected_too_old);
    for (std::size_t i = 0; i < intake.reasons.size(); ++i)
        rejected("http", intake.reasons[i], intake.rejected(i));
}

void ProgressModule::read_metrics(MetricSink& sink) const {
    read_tasks(sink, service_.projection().counts(), parts_.store.head());
    read_order(sink, service_.projection().counts(), ingest_.split_tasks());
    read_snapshots(sink, service_.snapshots());
    read_recoveries(sink, sources_.counts());
    read_rejected(sink, ingest_.counts(), intake_);
    sink.histogram("stepcast_ingest_age_seconds", "From a record's timestamp to its commit",
                   ingest_.counts().age_seconds);
    sink.counter("stepcast_inbox_duplicates_total", "Messages that came again after they were handled",
                 orders_ ? number(orders_->duplicates()) : 0, {{"consumer", "order-consumer"}});
    sink.gauge("stepcast_orders_in_flight", "Orders being worked off",
               orders_ ? number(orders_->in_flight()) : 0);
}

void ProgressModule::read_monitor(json::object& whole) const {
    const auto& counts = service_.projection().counts();
    json::object tasks{{"stalled", counts.stalled}};
    for (std::size_t i = 0; i < counts.by_status.size(); ++i)
        tasks[event_type_names[i]] = counts.by_status[i];
    whole["tasks"] = std::move(tasks);
    auto& bus = whole["bus"].as_object();
    bus["lag"] = ingest_.lag();
    bus["ordersInFlight"] = orders_ ? orders_->in_flight() : 0;
}

}  // namespace

domain::ModuleSpec module_spec(Settings settings) {
    return {categories,
            [settings = std::move(settings)](const domain::Parts& parts) {
                return std::make_unique<ProgressModule>(parts, settings);
            },
            check_stored};
}

}  // namespace stepcast::progress
