#include "app/node.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <asio/experimental/awaitable_operators.hpp>

#include "aio/spawn.hpp"
#include "app/commands.hpp"
#include "app/logging.hpp"
#include "app/monitor.hpp"
#include "app/options.hpp"
#include "app/web_files.hpp"
#include "domain/progress/routes.hpp"
#include "http/static_files.hpp"

namespace stepcast::app {
namespace {

using namespace std::chrono_literals;

std::vector<broadcast::Lane*> lanes_of(broadcast::Broadcaster& broadcaster) {
    std::vector<broadcast::Lane*> lanes;
    for (std::size_t i = 0; i < broadcaster.size(); ++i) lanes.push_back(&broadcaster.lane(i));
    return lanes;
}

std::unique_ptr<store::EventStore> make_store(const aio::Strand& core, const Config& config,
                                              std::unique_ptr<store::JournalFile> journal,
                                              const Clock& clock) {
    if (!journal) return std::make_unique<store::MemoryStore>(store_limits(config), clock);
    return std::make_unique<store::JournaledStore>(core, std::move(journal), store_limits(config),
                                                   config.store.journal_max_bytes, clock);
}

}  // namespace

Node::Node(asio::io_context& io, const Config& config, std::unique_ptr<bus::MessageBus> bus,
           std::unique_ptr<store::JournalFile> journal, const Clock& clock)
    : config_{config},
      core_{asio::make_strand(io)},
      events_topic_{config.kafka.topic_prefix + "progress-events"},
      orders_topic_{config.kafka.topic_prefix + "order-events-v2"},
      bus_{std::move(bus)},
      store_{make_store(core_, config, std::move(journal), clock)},
      journal_{dynamic_cast<store::JournaledStore*>(store_.get())},
      broadcaster_{
          io,
          {.lanes = static_cast<std::size_t>(config.server.threads),
           .ring_capacity = static_cast<std::size_t>(config.broadcast.ring_size)},
          [this](event::Position after, std::size_t limit) { return hub_.read_after(after, limit); }},
      hub_{core_, *store_, broadcaster_, clock, config.store.cleanup_interval},
      progress_{core_, *store_, hub_, broadcaster_, clock, progress_options(config)},
      committer_{core_, *store_, hub_},
      dead_letters_{*bus_},
      ingest_{io, progress_, hub_, committer_, *bus_, dead_letters_, ingest_options(config, clock.now())},
      orders_{config.orders.enabled
                  ? std::make_unique<progress::OrderConsumer>(io, progress_, committer_, *bus_, dead_letters_,
                                                              order_options(config))
                  : nullptr},
      door_{progress_, committer_, *bus_, ingest_, orders_.get(), events_topic_, orders_topic_},
      sse_{sse_options(config)},
      admission_{static_cast<std::size_t>(config.sse.max_streams),
                 static_cast<std::size_t>(config.sse.max_streams_per_user)},
      router_{http_options(config)},
      server_{io, lanes_of(broadcaster_), router_, http_options(config)},
      stop_watch_{core_},
      gate_{core_} {
    hub_.add(progress_);
    server_.count_streams([this] { return admission_.open(); });
    add_routes();
}

void Node::add_routes() {
    router_.add(progress::progress_routes({.service = progress_,
                                           .door = door_,
                                           .sse = sse_,
                                           .admission = admission_,
                                           .v1_streams = v1_streams_,
                                           .monitor = [this] { return monitor(); },
                                           .orders_enabled = config_.orders.enabled}));
    std::vector<http::StaticFile> files;
    for (const auto& file : web_files())
        files.push_back({std::string{file.path}, std::string{file.content_type}, file.bytes, file.etag});
    router_.add(http::static_routes(std::move(files)));
    using enum wire::Method;
    router_.add({get, "/healthz",
                 [](http::Request&, http::Context) -> awaitable<http::Response> {
                     co_return http::Response::json("{\"status\":\"ok\"}").with("Cache-Control", "no-store");
                 },
                 true});
    router_.add({get, "/readyz", [this](http::Request&, http::Context) { return ready(); }, true});
    router_.add({get, "/metrics", [this](http::Request&, http::Context) -> awaitable<http::Response> {
                     http::Response response;
                     response.body = metrics_text(co_await read());
                     response.with("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                         .with("Cache-Control", "no-store");
                     co_return response;
                 }});
}

result<void> Node::listen() {
    auto bound = server_.listen(config_.server.host, static_cast<std::uint16_t>(config_.server.port));
    if (!bound) return tl::unexpected{bound.error()};
    router_.answer_only({config_.http.hosts, bound->address().is_loopback()});
    return {};
}

std::string Node::url() const {
    const bool any = config_.server.host == "0.0.0.0" || config_.server.host == "::";
    return fmt::format("http://{}:{}/", any ? "localhost" : config_.server.host, config_.server.port);
}

void Node::start() {
    server_.start();
    hub_.start();
    aio::spawn_vital(core_, "start", [this, hold = gate_.enter()] { return start_all(); });
}

awaitable<void> Node::start_all() {
    if (journal_ != nullptr) co_await load_journal();
    if (stopping_) co_return;
    if (journal_ != nullptr)
        aio::spawn(core_, "journal watch", [this, hold = gate_.enter()] { return watch_journal(); });
    hub_.start_cleaning();
    progress_.start();
    co_await start_bus();
}

// Streams connect and wait meanwhile; readiness tells how far it has come.
awaitable<void> Node::load_journal() {
    const auto began = std::chrono::steady_clock::now();
    aio::spawn(core_, "loading", [this, hold = gate_.enter()]() -> awaitable<void> {
        while (co_await aio::pause(1s) && loading() && !stopping_)
            spdlog::info("loading {}: {} %", config_.store.path, journal_->loaded_percent());
    });
    if (const auto loaded = co_await journal_->load(stopping_); !loaded) {
        // Nothing has been taken in yet, so nothing is lost; a server without its past must not go on.
        spdlog::critical("{}", loaded.error().detail);
        aio::leave(1);
    }
    while (!stopping_ && !co_await hub_.wait_applied(store_->head(), 250ms)) {
    }
    co_await hub_.clean();  // what ran out meanwhile is gone for whoever writes next
    spdlog::info("{} holds {} events of {} tasks, loaded in {:.1f} s", config_.store.path,
                 store_->stats().events, store_->stats().streams,
                 std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
}

// A file that was moved or deleted is noticed also while nobody writes.
awaitable<void> Node::watch_journal() {
    while (!co_await stop_watch_.wait(1s)) journal_->look();
}

bool Node::loading() const {
    return journal_ != nullptr && journal_->loaded_percent() < 100;
}

int Node::rebuilt_percent() const {
    if (progress_.live()) return 100;
    return loading() ? journal_->loaded_percent() : ingest_.rebuilt_percent();
}

awaitable<void> Node::start_bus() {
    co_await ingest_.restore();
    std::vector<std::string> topics{events_topic_, events_topic_ + ".dlq"};
    if (orders_) topics.insert(topics.end(), {orders_topic_, orders_topic_ + ".dlq"});
    for (Duration wait = 500ms; !stopping_; wait = std::min<Duration>(2 * wait, 5s)) {
        const auto made = co_await bus_->ensure_topics(topics);
        if (made) {
            ingest_.start();
            if (orders_) orders_->start();
            bus_ready_ = true;
            co_return;
        }
        spdlog::warn("waiting for the bus: {}", made.error().text());
        for (Duration waited = 0ms; waited < wait && !stopping_; waited += 100ms) co_await aio::pause(100ms);
    }
}

awaitable<bool> Node::stop() {
    const auto end = std::chrono::steady_clock::now() + config_.server.drain;
    const auto left = [end] {
        return std::max<std::chrono::steady_clock::duration>(end - std::chrono::steady_clock::now(), 1ms);
    };
    stopping_ = true;
    // Requests in flight are answered while consumers still settle what they gave to the bus. Clients are let
    // go before the consumers: a broker that does not answer may keep those.
    const bool clean = co_await server_.stop(left() / 2);
    co_await broadcaster_.drain(std::chrono::duration_cast<std::chrono::milliseconds>(left()), sse_.retry,
                                sse_.drain_spread);
    served_ = clean;
    dead_letters_.stop();
    co_await aio::run_on(core_, [this]() -> awaitable<void> {
        stop_watch_.notify();
        committer_.stop();
        co_await gate_.close();
    });
    if (orders_) {
        using namespace asio::experimental::awaitable_operators;
        co_await (orders_->stop() && ingest_.stop());
    } else {
        co_await ingest_.stop();
    }
    co_await aio::run_on(core_, [this]() -> awaitable<void> {
        co_await progress_.stop();
        co_await hub_.stop();
        co_await store_->close();
    });
    co_await bus_->close();
    co_return clean;
}

awaitable<http::Response> Node::ready() {
    std::vector<std::string> failing;
    if (!loading() && (!bus_ready_ || !bus_->healthy())) failing.emplace_back("bus");
    if (bus_ready_ && !ingest_.running()) failing.emplace_back("ingest");
    if (!progress_.live()) failing.emplace_back("rebuild");
    if (committer_.paused() != flow::Committer::Pause::none || (journal_ != nullptr && !journal_->healthy()))
        failing.emplace_back("store");
    if (stopping_) failing.emplace_back("stopping");
    const std::string body = fmt::format(
        "{{\"status\":\"{}\",\"failing\":[{}],\"rebuiltPercent\":{}}}",
        failing.empty() ? "ready" : "not-ready",
        failing.empty() ? "" : fmt::format("\"{}\"", fmt::join(failing, "\",\"")), rebuilt_percent());
    http::Response response =
        http::Response::json(body, failing.empty() ? 200 : 503).with("Cache-Control", "no-store");
    if (!failing.empty()) response.with("Retry-After", "2");
    co_return response;
}

awaitable<Readings> Node::read() {
    auto readings = co_await aio::run_on(core_, [this] { return read_core(); });
    readings.process = read_process();  // walks all descriptors: not on the core
    co_return readings;
}

awaitable<Readings> Node::read_core() {
    Readings readings;
    readings.store = store_->stats();
    const auto& counts = progress_.projection().counts();
    readings.applied = counts.applied;
    for (std::size_t i = 0; i < readings.tasks.size(); ++i)
        readings.tasks[i] = {progress::event_type_names[i], counts.by_status[i]};
    readings.tasks_stalled = counts.stalled;
    readings.bus = bus_->stats();
    readings.paused = flow::Committer::pause_names[static_cast<std::size_t>(committer_.paused())];
    readings.dependency_down = !bus_ready_ || !bus_->healthy();
    const auto& told = progress_.counts();
    readings.commit_seconds = &hub_.commit_seconds();
    if (journal_ != nullptr) {
        readings.journal_seconds = &journal_->write_seconds();
        readings.journal_bytes = journal_->size().whole;
        readings.journal_log_bytes = journal_->size().log;
        readings.journal_healthy = journal_->healthy();
    }
    readings.feed_gaps = hub_.feed_gaps();
    readings.snapshots = {{"saved", told.snapshots_saved},
                          {"failed", told.snapshots_failed},
                          {"ignored", told.snapshots_ignored}};
    for (std::size_t i = 0; i < progress::recovery_reason_names.size(); ++i) {
        const auto reason = progress::recovery_reason_names[i];
        readings.recoveries.push_back({"user", reason, told.user_recoveries[i]});
        readings.recoveries.push_back({"task", reason, told.task_recoveries[i]});
    }
    const auto& rejected = ingest_.counts();
    for (std::size_t i = 0; i < door_.reasons.size(); ++i)
        readings.rejected_at_http.push_back({door_.reasons[i], door_.rejected(i)});
    readings.rejected = {{"malformed", rejected.rejected_malformed},
                         {"invalid-field", rejected.rejected_field},
                         {"tombstone", rejected.rejected_tombstone},
                         {"not-owner", rejected.rejected_owner},
                         {"idempotency-conflict", rejected.rejected_conflict}};
    for (const auto& [where, count] : dead_letters_.counts())
        readings.dead_letters.push_back({where.first, where.second, count});
    readings.ingest_age_seconds = &rejected.age_seconds;
    readings.orders_in_flight = orders_ ? orders_->in_flight() : 0;
    for (std::size_t i = 0; i < broadcaster_.size(); ++i)
        readings.lanes.push_back(&broadcaster_.lane(i).stats());
    readings.routes = router_.stats();
    readings.connections = server_.stats().open;
    readings.connections_refused = server_.stats().refused;
    readings.received_bytes = server_.budgets().received.held();
    readings.unsent_bytes = server_.budgets().unsent.held();
    readings.log_lines_dropped = dropped_log_lines();
    co_return readings;
}

awaitable<std::string> Node::monitor() {
    co_return monitor_json(co_await read(), {.config = config_,
                                             .epoch = store_->epoch(),
                                             .lag = ingest_.lag(),
                                             .streams = admission_.open(),
                                             .rebuilt_percent = rebuilt_percent(),
                                             .bus_healthy = bus_ready_ && bus_->healthy()});
}

}  // namespace stepcast::app
