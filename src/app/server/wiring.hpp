#pragma once
#include <memory>

#include "app/config/config.hpp"
#include "app/server/span_exporter.hpp"
#include "bus/bus.hpp"
#include "domain/module.hpp"
#include "domain/webhooks/sender.hpp"
#include "flow/letter_box.hpp"
#include "http/server_options.hpp"
#include "http/stream/sse_session.hpp"
#include "store/journal/file.hpp"
#include "store/store.hpp"

namespace stepcast::app {

// What each component is told of the settings.

result<std::unique_ptr<bus::MessageBus>> make_bus(asio::io_context& io, const Config& config,
                                                  const Clock& clock);
/// Makes the modules' topics, and ends the process where one of those that an inbox stands behind keeps its
/// records for longer than `keep`.
aio::awaitable<result<void>> make_topics(bus::MessageBus& bus,
                                         std::span<const std::unique_ptr<domain::Module>> modules,
                                         Duration keep);
/// Null without `store.path`. The error is one line for people.
result<std::unique_ptr<store::JournalFile>> open_journal(const Config& config);
/// The store of `journal`, or of memory where that is null. `clock` outlives it.
std::unique_ptr<store::EventStore> make_store(const aio::Strand& core, const Config& config,
                                              std::unique_ptr<store::JournalFile> journal,
                                              const Clock& clock);
/// Refuses what is no event of the module that its category belongs to.
result<void> check_stored(const event::Event& draft);
/// What the settings say of webhooks, with their secrets and authorities read. The error is one line for
/// people.
result<std::vector<webhooks::Options>> webhook_options(const Config& config);
/// Every module of this binary; that of webhooks only where there are some.
std::vector<domain::ModuleSpec> modules(const Config& config, Timestamp now,
                                        std::vector<webhooks::Options> webhooks = {});
/// What a journal may hold: the categories of all modules, and the node's own.
std::span<const event::Category* const> stored_categories();
/// Null without `otel.endpoint`.
std::unique_ptr<SpanExporter> make_span_exporter(asio::io_context& io, const Config& config);
flow::LetterBox::Options letter_options(const Config& config);
/// `clock` outlives the options.
http::SseOptions sse_options(const Config& config, const Clock& clock);
http::ClientLimits::Bounds client_bounds(const Config& config);
/// `limits` outlives the server; null: clients are held to none.
http::ServerOptions http_options(const Config& config, http::ClientLimits* limits = nullptr);
/// Of `server.admin_port`: the same, for few clients.
http::ServerOptions admin_options(const Config& config);

}  // namespace stepcast::app
