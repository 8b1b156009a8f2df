#pragma once
#include <asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "aio/notice.hpp"
#include "aio/types.hpp"
#include "app/config.hpp"
#include "app/metrics.hpp"
#include "broadcast/broadcaster.hpp"
#include "bus/bus.hpp"
#include "domain/progress/door.hpp"
#include "domain/progress/ingest.hpp"
#include "domain/progress/orders.hpp"
#include "domain/progress/service.hpp"
#include "flow/dead_letters.hpp"
#include "flow/feed_hub.hpp"
#include "http/router.hpp"
#include "http/server.hpp"
#include "http/sse_session.hpp"
#include "store/journaled_store.hpp"

namespace stepcast::app {

using aio::awaitable;

/// Every component of a server, wired; declared in the order in which they are built, so that they go in
/// reverse.
class Node {
  public:
    /// `journal`: null for a store that lives in memory only. `clock` outlives this.
    Node(asio::io_context& io, const Config& config, std::unique_ptr<bus::MessageBus> bus,
         std::unique_ptr<store::JournalFile> journal, const Clock& clock);

    /// Binds the port. The error's detail is one line for people.
    result<void> listen();
    /// Begins everything. What depends on the bus waits until it is there; streams and reads are served
    /// meanwhile.
    void start();
    /// Stops everything in order, within `server.drain` and little more. True if nothing runs any more.
    awaitable<bool> stop();

    /// What the metrics and the monitor show, read in one turn of the core.
    awaitable<Readings> read();
    std::string url() const;
    /// True once `stop` has answered every request and let every stream go, whatever the bus does. Any
    /// thread.
    bool served() const { return served_; }

  private:
    awaitable<void> start_all();
    awaitable<void> load_journal();
    awaitable<void> watch_journal();
    awaitable<void> start_bus();
    bool loading() const;
    int rebuilt_percent() const;
    void add_routes();
    awaitable<Readings> read_core();
    awaitable<http::Response> ready();
    awaitable<std::string> monitor();

    const Config config_;
    const aio::Strand core_;
    const std::string events_topic_;
    const std::string orders_topic_;
    const std::unique_ptr<bus::MessageBus> bus_;
    const std::unique_ptr<store::EventStore> store_;
    store::JournaledStore* const journal_;  // the store, if it is one
    broadcast::Broadcaster broadcaster_;
    flow::FeedHub hub_;
    progress::ProgressEventService progress_;
    flow::Committer committer_;
    flow::DeadLetters dead_letters_;
    progress::ProgressIngest ingest_;
    const std::unique_ptr<progress::OrderConsumer> orders_;  // null: off
    progress::ProgressDoor door_;
    const http::SseOptions sse_;
    http::SseAdmission admission_;
    http::LatestWins v1_streams_;
    http::Router router_;
    http::Server server_;

    std::atomic<bool> bus_ready_{false};
    std::atomic<bool> stopping_{false};
    std::atomic<bool> served_{false};
    aio::Notice stop_watch_;
    aio::Gate gate_;
};

}  // namespace stepcast::app
