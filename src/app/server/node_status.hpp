#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "aio/stop.hpp"
#include "aio/types.hpp"
#include "app/config/config.hpp"
#include "app/server/metrics.hpp"
#include "app/server/span_exporter.hpp"
#include "app/server/tokens.hpp"
#include "broadcast/broadcaster.hpp"
#include "bus/bus.hpp"
#include "domain/module.hpp"
#include "flow/committer.hpp"
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

/// What a node tells of itself: whether it is ready, its metrics, its monitor. Reads the node's parts and
/// changes none. Its calls may be made on any strand.
class NodeStatus {
  public:
    /// The parts of the node; all outlive this.
    struct Parts {
        const Config& config;
        const Clock& clock;
        const aio::Strand& core;
        const bus::MessageBus& bus;
        const store::EventStore& store;
        const store::JournaledStore* journal;  ///< null: there is none
        const broadcast::Broadcaster& broadcaster;
        const flow::FeedHub& hub;
        const flow::Committer& committer;
        const flow::OutboxRelay& relay;
        const flow::LetterBox& letter_box;
        const flow::DeadLetters& dead_letters;
        const http::ClientLimits& limits;
        const http::SseAdmission& admission;
        const std::vector<std::unique_ptr<domain::Module>>& modules;
        const http::Router& router;
        const http::Server& server;
        const std::unique_ptr<Tokens>& tokens;  ///< null with auth off
        const std::atomic<bool>& bus_ready;
        const aio::Stop& stop;
        const SpanExporter* spans;  ///< null: nobody collects them
    };

    explicit NodeStatus(const Parts& parts) : parts_{parts} {}

    /// `/healthz`, `/readyz` and `/metrics`.
    std::vector<http::Route> routes();
    /// The JSON of the monitor; `local`: for a client on this machine, who may see its paths.
    aio::awaitable<std::string> monitor(bool local);
    /// The journal is still being read.
    bool loading() const;

  private:
    http::Response ready() const;
    int rebuilt_percent() const;
    bool bus_healthy() const;
    aio::awaitable<std::string> metrics();
    aio::awaitable<Readings> read();
    Readings read_core() const;

    const Parts parts_;
};

}  // namespace stepcast::app
