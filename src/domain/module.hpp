#pragma once
#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aio/types.hpp"
#include "base/metric_sink.hpp"
#include "base/time.hpp"
#include "broadcast/publisher.hpp"
#include "bus/bus.hpp"
#include "domain/topic_info.hpp"
#include "flow/circuit.hpp"
#include "flow/committer.hpp"
#include "flow/dead_letters.hpp"
#include "flow/feed_hub.hpp"
#include "flow/process_manager.hpp"
#include "http/route.hpp"
#include "http/stream/admission.hpp"
#include "http/stream/sse_session.hpp"
#include "store/store.hpp"

namespace stepcast::domain {

/// What a node gives its modules. All of it outlives them.
struct Parts {
    asio::io_context& io;
    const aio::Strand& core;
    const Clock& clock;
    store::EventStore& store;
    bus::MessageBus& bus;
    broadcast::Publisher& publisher;
    flow::FeedHub& hub;
    flow::Committer& committer;
    flow::DeadLetters& dead_letters;
    const http::SseOptions& sse;
    http::SseAdmission& admission;
    /// The JSON of what the node and its modules do; `local`: for a client on this machine, who may see
    /// paths.
    std::function<aio::awaitable<std::string>(bool local)> monitor{};
    /// What the topics of all modules say of themselves; asked from `start` on.
    std::function<std::vector<TopicInfo>()> topics = [] { return std::vector<TopicInfo>{}; };
    /// A commit has left messages to the bus (Commit::outbox): they leave now and not at the next look. On
    /// the core strand.
    std::function<void()> owed = [] {};
};

/// What calls to a dependency pass, by the step that makes them. A constant name.
struct StepCircuit {
    std::string_view step;
    const flow::Circuit* circuit = nullptr;
};

/// What one domain gives a node, which knows modules and no domain's name. Made before the store is loaded
/// and the bus is there; every call comes at most once unless it says otherwise.
class Module {
  public:
    virtual ~Module() = default;

    /// Topics that it reads or writes; they are made before `start`.
    virtual std::vector<bus::TopicSpec> topics() const = 0;
    /// The same for documents.
    virtual std::vector<TopicInfo> topic_infos() const { return {}; }
    /// Those of them that its commits owe messages to (Commit::outbox): the node sends these.
    virtual std::vector<std::string> owes() const { return {}; }
    /// Those of them whose messages an inbox knows when they come again (flow::Inbox): none may keep a record
    /// for longer than that remembers.
    virtual std::vector<std::string> inbox_topics() const { return {}; }
    virtual std::vector<http::Route> routes() = 0;
    /// The sagas that it drives: the node gives operators the calls on them.
    virtual std::vector<flow::ProcessManager*> sagas() { return {}; }
    /// Which circuits its calls to dependencies pass: the node shows them to operators. Valid for as long as
    /// it is; read on the core strand.
    virtual std::vector<StepCircuit> circuits() const { return {}; }
    /// They are given what the store holds from the first event on.
    virtual std::vector<flow::Projection*> projections() = 0;

    /// The store is loaded and being folded: begins what needs no bus, and returns once it is known where
    /// reading of the bus goes on. On the core strand.
    virtual aio::awaitable<void> restore() = 0;
    /// Begins what needs the bus. On the core strand.
    virtual void start() = 0;
    /// Its consumers read: what is produced from now on reaches them. Any thread, after `start`.
    virtual bool subscribed() const { return true; }
    /// Ends the consumers: what they have not finished is given again later. Requests and streams are gone by
    /// then, the store, the hub and the bus are not. Comes after any of the above, also while `restore` is
    /// under way, which then returns. On the core strand.
    virtual aio::awaitable<void> stop() = 0;

    /// Appends the parts of it that keep the node from being ready. Any thread, often.
    virtual void add_failing(std::vector<std::string_view>& parts) const = 0;
    /// How much of its state is rebuilt from the bus; 100: all. Any thread, often.
    virtual int rebuilt_percent() const { return 100; }
    /// On the core strand, for each scrape.
    virtual void read_metrics(MetricSink& sink) const = 0;
    /// A stream of its categories after the event `version`, as one JSON object, for operators: the same
    /// bytes whenever it is asked. Empty: it folds no state of them. Or the refusal. On the core strand.
    virtual aio::awaitable<result<std::optional<std::string>, http::Response>> state_of(
        const event::Category& category, std::string stream_id, event::Version version);
    /// Adds its parts to the monitor's JSON. On the core strand, often.
    virtual void read_monitor(boost::json::object& whole) const = 0;
};

/// How a node comes by a module: the one line of wiring.
struct ModuleSpec {
    /// Of the streams that it stores; constants, needed before the store is opened.
    std::span<const event::Category* const> categories;
    std::function<std::unique_ptr<Module>(const Parts& parts)> make;
    /// Refuses what is no event of these categories as the module stores them: what an import brings. Without
    /// one of its own a module takes all.
    result<void> (*check_stored)(const event::Event& draft) = [](const event::Event&) {
        return result<void>{};
    };
};

}  // namespace stepcast::domain
