#include "app/server/node.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <algorithm>

#include "aio/backoff.hpp"
#include "aio/spawn.hpp"
#include "app/server/api.hpp"
#include "app/server/dead_letter_routes.hpp"
#include "app/server/documents.hpp"
#include "app/server/web_files.hpp"
#include "app/server/wiring.hpp"
#include "domain/circuit_routes.hpp"
#include "domain/saga_routes.hpp"
#include "http/cookie_session.hpp"
#include "http/static_files.hpp"

namespace stepcast::app {
namespace {

using namespace std::chrono_literals;

std::vector<broadcast::Lane*> lanes_of(broadcast::Broadcaster& broadcaster) {
    std::vector<broadcast::Lane*> lanes;
    for (std::size_t i = 0; i < broadcaster.size(); ++i) lanes.push_back(&broadcaster.lane(i));
    return lanes;
}

}  // namespace

Node::Node(asio::io_context& io, const Config& config, std::unique_ptr<bus::MessageBus> bus,
           std::unique_ptr<store::JournalFile> journal, const Clock& clock,
           const std::vector<domain::ModuleSpec>& modules)
    : config_{config},
      clock_{clock},
      core_{asio::make_strand(io)},
      spans_{make_span_exporter(io, config)},
      bus_{std::move(bus)},
      store_{make_store(core_, config, std::move(journal), clock)},
      journal_{dynamic_cast<store::JournaledStore*>(store_.get())},
      broadcaster_{
          io,
          {.lanes = static_cast<std::size_t>(config.server.threads),
           .ring_capacity = static_cast<std::size_t>(config.broadcast.ring_size)},
          [this](event::Position after, std::size_t limit) { return hub_.read_after(after, limit); }},
      hub_{core_, *store_, broadcaster_, clock, config.store.cleanup_interval},
      committer_{core_, *store_, hub_},
      relay_{core_, *store_, committer_, *bus_, {}},
      letter_box_{core_, *store_, committer_, hub_, letter_options(config)},
      dead_letters_{*bus_, &letter_box_},
      sse_{sse_options(config, clock)},
      limits_{client_bounds(config)},
      admission_{static_cast<std::size_t>(config.sse.max_streams),
                 static_cast<std::size_t>(config.sse.max_streams_per_user), &limits_},
      router_{http_options(config)},
      server_{io, lanes_of(broadcaster_), router_, http_options(config, &limits_)},
      certificate_{config_.server, server_},
      status_{{config_,  clock_,     core_,   *bus_,       *store_,       journal_, broadcaster_,
               hub_,     committer_, relay_,  letter_box_, dead_letters_, limits_,  admission_,
               modules_, router_,    server_, tokens_,     bus_ready_,    stop_,    spans_.get()}},
      admin_router_{http_options(config)},
      stop_watch_{core_},
      gate_{core_} {
    hub_.hold();  // until what the store holds is folded
    hub_.add(letter_box_);
    for (const auto& spec : modules) {
        auto& module =
            modules_.emplace_back(spec.make({.io = io,
                                             .core = core_,
                                             .clock = clock,
                                             .store = *store_,
                                             .bus = *bus_,
                                             .publisher = broadcaster_,
                                             .hub = hub_,
                                             .committer = committer_,
                                             .dead_letters = dead_letters_,
                                             .sse = sse_,
                                             .admission = admission_,
                                             .monitor = [this](bool local) { return status_.monitor(local); },
                                             .topics = [this] { return topic_infos(); },
                                             .owed = [this] { relay_.wake(); }}));
        for (auto* projection : module->projections()) hub_.add(*projection);
        for (const auto& topic : module->owes()) relay_.serve(topic);
        for (const auto* category : spec.categories) owners_.emplace_back(category, module.get());
    }
    server_.count_streams([this] { return admission_.open(); });
    add_routes();
    if (config.server.admin_port != 0) open_admin_port(io);
}

void Node::open_admin_port(asio::io_context& io) {
    for (const http::Route& row : router_.table())
        if (row.info.access == http::Access::admin || row.info.any_host) admin_router_.add(row);
    admin_router_.hold_to(http::AccessPolicy::of_admins());
    admin_server_ =
        std::make_unique<http::Server>(io, lanes_of(broadcaster_), admin_router_, admin_options(config_));
}

void Node::add_routes() {
    std::vector<flow::ProcessManager*> sagas;
    std::vector<domain::StepCircuit> circuits;
    for (const auto& module : modules_) {
        router_.add(module->routes());
        std::ranges::move(module->sagas(), std::back_inserter(sagas));
        std::ranges::move(module->circuits(), std::back_inserter(circuits));
    }
    router_.add(domain::saga_routes(std::move(sagas), hub_, core_));
    router_.add(domain::circuit_routes(std::move(circuits), clock_, core_));
    router_.add(http::session_routes(clock_));
    router_.add(stream_routes({core_, *store_, hub_, owners_}));
    router_.add(dead_letter_routes(letter_box_));
    std::vector<http::StaticFile> files;
    for (const auto& file : served_files(config_))
        files.push_back(
            {std::string{file.path}, std::string{file.content_type}, file.bytes, file.gzip, file.etag});
    router_.add(http::static_routes(std::move(files)));
    router_.add(status_.routes());
    if (config_.auth.mode == "jwt" && config_.auth.demo)
        router_.add({wire::Method::post, "/api/auth/token",
                     [this](http::Request& request, http::Context) -> awaitable<http::Response> {
                         co_return demo_->issue(request);
                     },
                     api::demo_token});
    add_documents(router_, topic_infos(), config_.auth.mode != "off");
}

std::vector<domain::TopicInfo> Node::topic_infos() const {
    std::vector<domain::TopicInfo> infos;
    for (const auto& module : modules_) {
        const auto owed = module->owes();
        for (auto& info : module->topic_infos()) {
            info.owed = std::ranges::find(owed, info.name) != owed.end();
            infos.push_back(std::move(info));
        }
    }
    return infos;
}

result<void> Node::read_keys() {
    if (config_.auth.mode != "jwt") return {};
    auto tokens = Tokens::open(core_.get_inner_executor().context(), config_, clock_);
    if (!tokens) return tl::unexpected{std::move(tokens.error())};
    tokens_ = std::move(*tokens);
    router_.hold_to(tokens_->policy());
    if (!config_.auth.demo) return {};
    auto demo = DemoIssuer::open(config_, clock_);
    if (!demo) return tl::unexpected{std::move(demo.error())};
    demo_ = std::move(*demo);
    spdlog::warn("auth.demo is on: any client on this machine gets a token of any user");
    return {};
}

result<std::uint16_t> Node::listen() {
    if (certificate_.wanted())
        if (const auto read = certificate_.load(); !read) return tl::unexpected{read.error()};
    if (auto read = read_keys(); !read) return tl::unexpected{std::move(read.error())};
    const auto bound = server_.listen(config_.server.host, static_cast<std::uint16_t>(config_.server.port));
    if (!bound) return tl::unexpected{bound.error()};
    if (!config_.server.unix_socket.empty())
        if (const auto local = server_.listen_locally(config_.server.unix_socket); !local)
            return tl::unexpected{local.error()};
    router_.answer_only({config_.http.hosts, bound->address().is_loopback()});
    if (!tokens_ && !bound->address().is_loopback())
        spdlog::warn("auth.mode is off: whoever reaches {} may read and send everything",
                     config_.server.host);
    if (!admin_server_) return bound->port();
    auto admin = admin_server_->listen(config_.server.admin_host,
                                       static_cast<std::uint16_t>(config_.server.admin_port));
    if (!admin) {
        admin.error().field =
            admin.error().field == "server.host" ? "server.admin_host" : "server.admin_port";
        return tl::unexpected{std::move(admin.error())};
    }
    if (!admin->address().is_loopback())
        spdlog::warn("whoever reaches {} makes admin calls: server.admin_port asks nobody who he is",
                     config_.server.admin_host);
    admin_router_.answer_only({config_.http.hosts, admin->address().is_loopback()});
    return bound->port();
}

void Node::reload() {
    if (certificate_.wanted()) certificate_.files().reload();
    if (tokens_) tokens_->reload();
}

std::string Node::url() const {
    const bool any = config_.server.host == "0.0.0.0" || config_.server.host == "::";
    return fmt::format("{}://{}:{}/", certificate_.wanted() ? "https" : "http",
                       any ? "localhost" : config_.server.host, config_.server.port);
}

void Node::start() {
    if (spans_) spans_->start();
    server_.start();
    if (admin_server_) admin_server_->start();
    hub_.start();
    if (certificate_.wanted())
        aio::spawn(core_, "certificate watch",
                   [this, hold = gate_.enter()] { return certificate_.files().watch(stop_); });
    if (tokens_) aio::spawn(core_, "keys", [this, hold = gate_.enter()] { return tokens_->follow(stop_); });
    aio::spawn_critical(core_, "start", [this, hold = gate_.enter()] { return start_all(); });
}

awaitable<void> Node::start_all() {
    if (journal_ != nullptr) co_await load_journal();
    if (stop_.raised()) co_return;
    if (journal_ != nullptr)
        aio::spawn(core_, "journal watch", [this, hold = gate_.enter()] { return watch_journal(); });
    hub_.start_cleaning();
    hub_.release();
    co_await start_bus();
}

// Streams connect and wait meanwhile; readiness tells how far it has come.
awaitable<void> Node::load_journal() {
    const auto began = std::chrono::steady_clock::now();
    aio::spawn(core_, "loading", [this, hold = gate_.enter()]() -> awaitable<void> {
        while (co_await stop_.pause(1s) && status_.loading())
            spdlog::info("loading {}: {} %", config_.store.path, journal_->loaded_percent());
    });
    journal_->begin_at(hub_.begins_at());
    if (const auto loaded = co_await journal_->load(stop_); !loaded) {
        // Nothing has been taken in yet, so nothing is lost; a server without its past must not go on.
        spdlog::critical("{}", loaded.error().detail);
        aio::leave(1);
    }
    while (!stop_.raised() && !co_await hub_.wait_applied(store_->head(), 250ms)) {
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

awaitable<void> Node::start_bus() {
    for (const auto& module : modules_) co_await module->restore();
    aio::Backoff backoff{500ms, 5s};
    while (!stop_.raised()) {
        const auto made = co_await make_topics(*bus_, modules_, config_.inbox.keep);
        if (made && stop_.raised()) co_return;
        if (made) {
            for (const auto& module : modules_) module->start();
            bus_ready_ = true;
            relay_.start([this] { return std::ranges::all_of(modules_, &domain::Module::subscribed); });
            co_return;
        }
        spdlog::warn("waiting for the bus: {}", made.error().text());
        co_await stop_.pause(backoff.next());
    }
}

awaitable<bool> Node::stop() {
    const auto end = std::chrono::steady_clock::now() + config_.server.drain;
    const auto left = [end] {
        return std::max<std::chrono::steady_clock::duration>(end - std::chrono::steady_clock::now(), 1ms);
    };
    stop_.raise();
    // Requests in flight are answered while consumers still settle what they gave to the bus. Clients are let
    // go before the consumers: a broker that does not answer may keep those. Streams have a quarter of the
    // time at most: whoever does not read is cut and resumes, and supervisors kill after ten seconds.
    bool clean = co_await server_.stop(left() / 2);
    if (admin_server_) clean = co_await admin_server_->stop(left() / 4) && clean;
    co_await broadcaster_.drain(
        std::min(std::chrono::duration_cast<std::chrono::milliseconds>(left()),
                 std::chrono::duration_cast<std::chrono::milliseconds>(config_.server.drain) / 4),
        sse_.retry, sse_.drain_spread);
    served_ = clean;
    dead_letters_.stop();
    co_await aio::run_on(core_, [this]() -> awaitable<void> {
        stop_watch_.notify();
        committer_.stop();
        co_await stop_modules();
        co_await letter_box_.stop();
        co_await relay_.stop();
        co_await gate_.close();
        co_await hub_.stop();
        co_await store_->close();
    });
    co_await bus_->close();
    if (spans_) co_await spans_->stop();
    co_return clean;
}

// All at a time: each may have to wait for the bus.
awaitable<void> Node::stop_modules() {
    aio::Gate stopped{core_};
    for (const auto& module : modules_)
        aio::spawn(core_, "stop", [&module, hold = stopped.enter()] { return module->stop(); });
    co_await stopped.close();
}

}  // namespace stepcast::app
