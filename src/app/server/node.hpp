#pragma once
#include <asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "aio/notice.hpp"
#include "aio/stop.hpp"
#include "aio/types.hpp"
#include "app/config/config.hpp"
#include "app/server/certificate.hpp"
#include "app/server/demo_issuer.hpp"
#include "app/server/node_status.hpp"
#include "app/server/span_exporter.hpp"
#include "app/server/streams.hpp"
#include "app/server/tokens.hpp"
#include "broadcast/broadcaster.hpp"
#include "bus/bus.hpp"
#include "domain/module.hpp"
#include "flow/dead_letters.hpp"
#include "flow/feed_hub.hpp"
#include "flow/letter_box.hpp"
#include "flow/outbox_relay.hpp"
#include "http/client_limits.hpp"
#include "http/router.hpp"
#include "http/server.hpp"
#include "http/stream/sse_session.hpp"
#include "store/journal/journaled_store.hpp"

namespace stepcast::app {

using aio::awaitable;

/// Every component of a server, wired; declared in the order in which they are built, so that they go in
/// reverse. Knows modules, and no domain's name.
class Node {
  public:
    /// `journal`: null for a store that lives in memory only. `clock` outlives this.
    Node(asio::io_context& io, const Config& config, std::unique_ptr<bus::MessageBus> bus,
         std::unique_ptr<store::JournalFile> journal, const Clock& clock,
         const std::vector<domain::ModuleSpec>& modules);

    /// Reads the keys of tokens, binds the port and returns it. The error's detail is one line for people.
    result<std::uint16_t> listen();
    /// Begins everything. What depends on the bus waits until it is there; streams and reads are served
    /// meanwhile.
    void start();
    /// Stops everything in order, within `server.drain` and little more. True if nothing runs any more.
    awaitable<bool> stop();

    /// Something is read from files that may change while it runs: a certificate, the keys of tokens.
    bool has_files() const { return certificate_.wanted() || tokens_ != nullptr; }
    /// Reads them again, whether they changed or not. Any thread.
    void reload();

    std::string url() const;
    const http::Router& router() const { return router_; }
    /// What all modules' topics say of themselves.
    std::vector<domain::TopicInfo> topic_infos() const;
    /// Who may call what. Before `start`; without a call auth is off.
    void hold_to(http::AccessPolicy access) { router_.hold_to(std::move(access)); }
    /// True once `stop` has answered every request and let every stream go, whatever the bus does. Any
    /// thread.
    bool served() const { return served_; }

  private:
    awaitable<void> start_all();
    awaitable<void> load_journal();
    awaitable<void> watch_journal();
    awaitable<void> start_bus();
    result<void> read_keys();
    void add_routes();
    void open_admin_port(asio::io_context& io);
    awaitable<void> stop_modules();

    const Config config_;
    const Clock& clock_;
    const aio::Strand core_;
    const std::unique_ptr<SpanExporter> spans_;  // null: nobody collects them
    const std::unique_ptr<bus::MessageBus> bus_;
    const std::unique_ptr<store::EventStore> store_;
    store::JournaledStore* const journal_;  // the store, if it is one
    broadcast::Broadcaster broadcaster_;
    flow::FeedHub hub_;
    flow::Committer committer_;
    flow::OutboxRelay relay_;
    flow::LetterBox letter_box_;
    flow::DeadLetters dead_letters_;
    const http::SseOptions sse_;
    http::ClientLimits limits_;
    http::SseAdmission admission_;
    std::vector<std::unique_ptr<domain::Module>> modules_;
    std::vector<StreamParts::Owner> owners_;
    http::Router router_;
    std::unique_ptr<Tokens> tokens_;    // null with auth off
    std::unique_ptr<DemoIssuer> demo_;  // null unless tokens are given here
    http::Server server_;
    Certificate certificate_;
    NodeStatus status_;
    http::Router admin_router_;                   // the rows for admins, for whoever reaches their port
    std::unique_ptr<http::Server> admin_server_;  // null: admins come by the other one

    std::atomic<bool> bus_ready_{false};
    aio::Stop stop_;
    std::atomic<bool> served_{false};
    aio::Notice stop_watch_;
    aio::Gate gate_;
};

}  // namespace stepcast::app
