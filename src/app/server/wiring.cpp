#include "app/server/wiring.hpp"

#include <spdlog/spdlog.h>
#include <algorithm>
#include <limits>

#include "aio/spawn.hpp"
#include "app/config/kafka_config.hpp"
#include "app/server/access_log.hpp"
#include "app/version.hpp"
#include "bus/embedded/embedded_bus.hpp"
#include "domain/bank/aggregate.hpp"
#include "domain/bank/module.hpp"
#include "domain/progress/module.hpp"
#include "domain/shop/module.hpp"
#include "domain/topics/module.hpp"
#include "domain/webhooks/module.hpp"
#include "flow/inbox.hpp"
#include "kafka/kafka_bus.hpp"
#include "store/journal/journaled_store.hpp"
#include "store/memory/memory_store.hpp"

namespace stepcast::app {
namespace {

progress::Options service_options(const Config& config) {
    return {.recovery_window = config.progress.recovery_window,
            .recovery_max = static_cast<std::size_t>(config.progress.recovery_max),
            .stall_after = config.progress.stall_after,
            .max_events_per_task = static_cast<std::uint64_t>(config.store.max_events_per_task)};
}

progress::ProgressIngest::Options ingest_options(const Config& config, Timestamp now) {
    progress::ProgressIngest::Options options{.topic = config.kafka.topic_prefix + "progress-events",
                                              .group = "stepcast-progress"};
    if (config.bus.kind == "embedded") return options;
    // The memory store is filled from the topic, which every node reads whole. The margin covers the cleanup
    // that has not run yet and clocks that differ.
    constexpr Duration margin = std::chrono::hours{1};
    options.group.clear();
    options.since = now - std::max(config.store.ttl, config.store.running_ttl) - margin;
    options.rebuilds = true;
    // A journal knows what was consumed; without one the next start reads the topic again.
    if (!config.store.path.empty()) options.source = config.kafka.topic_prefix + "stepcast-progress";
    return options;
}

progress::OrderConsumer::Options order_options(const Config& config) {
    return {.orders_topic = config.kafka.topic_prefix + "order-events-v2",
            .events_topic = config.kafka.topic_prefix + "progress-events",
            .group = config.kafka.topic_prefix + "order-consumer-v2",
            .step_delay = config.orders.step_delay,
            .stock = config.orders.stock,
            .max_in_flight = static_cast<std::size_t>(config.orders.max_in_flight),
            .keep_in_store = config.bus.kind == "embedded" && !config.store.path.empty(),
            .inbox_keep = config.inbox.keep};
}

progress::Settings progress_settings(const Config& config, Timestamp now) {
    progress::Settings settings{service_options(config), ingest_options(config, now)};
    if (config.orders.enabled) settings.orders = order_options(config);
    return settings;
}

bank::Accounts::Options bank_options(const Config& config) {
    return {.snapshot_every = static_cast<std::uint32_t>(config.bank.snapshot_every),
            .events_topic = config.kafka.topic_prefix + "event-stream-accounts",
            .snapshots_topic = config.kafka.topic_prefix + "snapshots",
            .keep_answers = config.idempotency.ttl};
}

// Without certificates to believe every call by https fails, and says so.
client::Trust trust_for(const client::Url& url, std::string_view key) {
    if (!url.secure) return nullptr;
    auto trust = aio::TlsTrust::of_system();
    if (trust) return std::move(*trust);
    spdlog::error("{}: {}", key, trust.error().detail);
    return nullptr;
}

std::optional<shop::HttpProvider::Options> payment_provider(const Config& config) {
    if (config.shop.payment_url.empty()) return std::nullopt;
    shop::HttpProvider::Options options{.url = client::parse_url(config.shop.payment_url).value()};
    options.trust = trust_for(options.url, "shop.payment_url");
    return options;
}

// The simulator is silent because a customer wishes it: that says nothing of the next charge.
flow::Circuit::Options payment_circuit(const Config& config) {
    if (config.shop.payment_url.empty())
        return {.failures = std::numeric_limits<std::uint32_t>::max(),
                .max_at_once = std::numeric_limits<std::size_t>::max()};
    return {.failures = static_cast<std::uint32_t>(config.shop.circuit_failures),
            .open_for = config.shop.circuit_open_for,
            .max_at_once = static_cast<std::size_t>(config.shop.payments_at_once)};
}

std::optional<shop::Settings> shop_settings(const Config& config) {
    if (!config.shop.enabled) return std::nullopt;
    const auto& prefix = config.kafka.topic_prefix;
    return shop::Settings{.services = config.shop.services,
                          .orders = {.prefix = prefix,
                                     .step_timeout = config.shop.step_timeout,
                                     .ship_after = config.shop.ship_after,
                                     .orchestrated = config.shop.saga == shop::orchestration},
                          .orchestrator = {.prefix = prefix,
                                           .step_timeout = config.shop.step_timeout,
                                           .compensation_timeout = config.shop.compensation_timeout,
                                           .ship_after = config.shop.ship_after},
                          .payments = {.prefix = prefix,
                                       .timeout = config.shop.payment_timeout,
                                       .refund_patience = config.shop.compensation_timeout,
                                       .circuit = payment_circuit(config)},
                          .provider = payment_provider(config),
                          .notifications = {.prefix = prefix, .inbox_keep = config.inbox.keep}};
}

http::TrustedProxies trusted_proxies(const Config& config) {
    const auto header = std::ranges::find(http::proxy_header_names, config.server.proxy_header);
    return {static_cast<http::ProxyHeader>(header - std::begin(http::proxy_header_names)),
            config.server.trusted_proxies};
}

bank::Transfers::Options transfer_options(const Config& config) {
    return {.events_topic = config.kafka.topic_prefix + "event-stream-accounts",
            .progress_topic = config.kafka.topic_prefix + "progress-events"};
}

store::Limits store_limits(const Config& config) {
    return {.ttl = config.store.ttl,
            .running_ttl = config.store.running_ttl,
            .tombstone_ttl = config.store.tombstone_ttl,
            .max_bytes = config.store.max_bytes,
            .permanent_max_bytes = config.store.permanent_max_bytes,
            .max_events_per_stream = static_cast<std::uint64_t>(config.store.max_events_per_task),
            .sent_keep = config.outbox.keep};
}

}  // namespace

result<std::vector<webhooks::Options>> webhook_options(const Config& config) {
    std::vector<webhooks::Options> all;
    for (const auto& [name, webhook] : config.webhooks) {
        auto secrets = webhooks::Secrets::read(webhook.secret_file);
        if (!secrets)
            return fail(secrets.error().code, fmt::format("webhooks.{}.secret_file", name),
                        secrets.error().detail);
        auto& options = all.emplace_back(
            webhooks::Options{.name = name,
                              .url = client::parse_url(webhook.url).value(),
                              .events = webhook.events,
                              .secrets = std::move(*secrets),
                              .secret_file = webhook.secret_file,
                              .timeout = webhook.timeout,
                              .max_attempts = static_cast<std::uint32_t>(webhook.max_attempts),
                              .retry = webhook.retry,
                              .retry_max = webhook.retry_max,
                              .in_flight = static_cast<std::size_t>(webhook.in_flight),
                              .max_pending = webhook.max_pending,
                              .allow_private = webhook.allow_private,
                              .remember = config.store.running_ttl + std::chrono::hours{1}});
        if (!options.url.secure) continue;
        auto trust = webhook.ca.empty() ? aio::TlsTrust::of_system() : aio::TlsTrust::of_file(webhook.ca);
        if (!trust)
            return fail(trust.error().code, fmt::format("webhooks.{}.ca", name), trust.error().detail);
        options.trust = std::move(*trust);
    }
    return all;
}

// The process that serves the shop's page: others would read every topic for nothing.
topics::Settings topic_settings(const Config& config) {
    const auto& services = config.shop.services;
    const bool serves_page = config.shop.enabled && std::ranges::find(services, "order") != services.end();
    const auto& enabled = config.traces.enabled;
    return {.traces = enabled == "on" || (enabled == "auto" && serves_page),
            .index = {.keep = config.traces.keep, .max_bytes = config.traces.max_bytes}};
}

std::vector<domain::ModuleSpec> modules(const Config& config, Timestamp now,
                                        std::vector<webhooks::Options> webhooks) {
    auto progress = progress_settings(config, now);
    const auto stalls = std::make_shared<webhooks::Stalls>();
    if (!webhooks.empty())
        progress.service.on_stalled = [stalls](std::string_view task, event::Version version) {
            if (*stalls) (*stalls)(task, version);
        };
    std::vector<domain::ModuleSpec> all{progress::module_spec(std::move(progress)),
                                        bank::module_spec(bank_options(config), transfer_options(config)),
                                        shop::module_spec(shop_settings(config))};
    if (!webhooks.empty())
        all.push_back(webhooks::module_spec({std::move(webhooks), &progress::category, stalls}));
    auto topics = topic_settings(config);
    topics.categories.push_back(&flow::letter_category);
    topics.begins_at = {{&bank::category, bank::account_kind(0).schema}};  // as the bank's projection does
    for (const auto& module : all)
        topics.categories.insert(topics.categories.end(), module.categories.begin(), module.categories.end());
    all.push_back(topics::module_spec(std::move(topics)));
    return all;
}

std::span<const event::Category* const> stored_categories() {
    static const auto all = [] {
        std::vector<const event::Category*> categories{&flow::letter_category};
        for (const auto& module : modules({}, {}))
            categories.insert(categories.end(), module.categories.begin(), module.categories.end());
        return categories;
    }();
    return all;
}

result<std::unique_ptr<bus::MessageBus>> make_bus(asio::io_context& io, const Config& config,
                                                  const Clock& clock) {
    if (config.bus.kind == "embedded")
        return std::make_unique<bus::EmbeddedBus>(bus::EmbeddedOptions{}, clock);
    auto bus = kafka::KafkaBus::open(io, kafka_config(config));
    if (!bus) return tl::unexpected{bus.error()};
    return std::unique_ptr<bus::MessageBus>{std::move(*bus)};
}

aio::awaitable<result<void>> make_topics(bus::MessageBus& bus,
                                         std::span<const std::unique_ptr<domain::Module>> modules,
                                         Duration keep) {
    std::vector<bus::TopicSpec> topics;
    std::vector<std::string> remembered;
    for (const auto& module : modules) {
        std::ranges::move(module->topics(), std::back_inserter(topics));
        std::ranges::move(module->inbox_topics(), std::back_inserter(remembered));
    }
    auto made = co_await bus.ensure_topics(std::move(topics));
    if (made) made = co_await flow::check_retention(bus, std::move(remembered), keep);
    if (!made && made.error().code == bus::errc::unfit) {
        spdlog::critical("{}", made.error().detail);
        aio::leave(1);
    }
    co_return made;
}

result<std::unique_ptr<store::JournalFile>> open_journal(const Config& config) {
    if (config.store.path.empty()) return nullptr;
    return store::JournalFile::open({config.store.path, config.store.journal_max_bytes, stored_categories()});
}

result<void> check_stored(const event::Event& draft) {
    if (&draft.category() == &flow::letter_category) return flow::check_stored_letter(draft);
    static const auto all = modules({}, {});
    for (const auto& module : all)
        if (std::ranges::find(module.categories, &draft.category()) != module.categories.end())
            return module.check_stored(draft);
    return fail(store::journal_errc::unusable, {}, "no module has such events");
}

std::unique_ptr<store::EventStore> make_store(const aio::Strand& core, const Config& config,
                                              std::unique_ptr<store::JournalFile> journal,
                                              const Clock& clock) {
    if (!journal) return std::make_unique<store::MemoryStore>(store_limits(config), clock);
    return std::make_unique<store::JournaledStore>(core, std::move(journal), store_limits(config),
                                                   config.store.journal_max_bytes, clock);
}

std::unique_ptr<SpanExporter> make_span_exporter(asio::io_context& io, const Config& config) {
    if (config.otel.endpoint.empty()) return nullptr;
    SpanExporter::Options options{.url = client::parse_url(config.otel.endpoint).value()};
    options.trust = trust_for(options.url, "otel.endpoint");
    options.service = config.otel.service_name;
    options.version = version();
    return std::make_unique<SpanExporter>(io, std::move(options));
}

flow::LetterBox::Options letter_options(const Config& config) {
    return {.max_bytes = config.dead_letters.max_bytes,
            .max_attempts = static_cast<std::uint64_t>(config.dead_letters.max_attempts)};
}

http::SseOptions sse_options(const Config& config, const Clock& clock) {
    http::SseOptions options;
    options.clock = &clock;
    options.limits.heartbeat = config.sse.heartbeat;
    options.limits.write_timeout = config.sse.write_timeout;
    options.limits.outbox = {.bytes = config.sse.outbox_bytes,
                             .frames = static_cast<std::size_t>(config.sse.outbox_frames)};
    options.retry = config.sse.retry;
    return options;
}

http::ClientLimits::Bounds client_bounds(const Config& config) {
    const auto& own = config.limits;
    const auto bounds = [](int connections, int streams, int requests, int events, std::uint64_t bytes) {
        return http::ClientBounds{static_cast<std::uint64_t>(connections),
                                  static_cast<std::uint64_t>(streams), static_cast<std::uint64_t>(requests),
                                  static_cast<std::uint64_t>(events), bytes};
    };
    return {.address = bounds(own.address_connections, own.address_streams, own.address_requests,
                              own.address_events, own.address_bytes),
            .user = bounds(own.user_connections, 0, own.user_requests, own.user_events, own.user_bytes)};
}

http::ServerOptions http_options(const Config& config, http::ClientLimits* limits) {
    http::ServerOptions options;
    options.header_timeout = config.http.header_timeout;
    options.body_timeout = config.http.body_timeout;
    options.idle_timeout = config.http.idle_timeout;
    options.limits.request_line = config.http.max_request_line;
    options.limits.header_bytes = config.http.max_header_bytes;
    options.limits.headers = static_cast<std::size_t>(config.http.max_headers);
    options.limits.body = config.http.max_body;
    options.max_pipelined = static_cast<std::size_t>(config.http.max_pipelined);
    options.max_connections = static_cast<std::size_t>(config.http.max_connections);
    if (config.http.max_pending_bytes != 0) options.max_pending_bytes = config.http.max_pending_bytes;
    options.cors_origins = config.http.cors_origins;
    options.proxies = trusted_proxies(config);
    if (limits != nullptr && limits->on()) options.clients = limits;
    if (config.log.access) options.access_log = log_access;
    options.hsts = std::chrono::duration_cast<std::chrono::seconds>(config.server.hsts);
    return options;
}

http::ServerOptions admin_options(const Config& config) {
    auto options = http_options(config);
    options.max_connections = 100;
    options.proxies = {};  // whoever reaches it comes by itself
    return options;
}

}  // namespace stepcast::app
