#include "domain/webhooks/module.hpp"

#include <spdlog/spdlog.h>

#include <array>
#include <list>
#include <map>

#include "aio/backoff.hpp"
#include "domain/webhooks/webhook.hpp"

namespace stepcast::webhooks {
namespace {

using namespace std::chrono_literals;
using aio::awaitable;

class WebhookModule final : public domain::Module, flow::Projection {
  public:
    WebhookModule(const domain::Parts& parts, const Settings& settings)
        : parts_{parts}, categories_{settings.category}, stalls_{settings.stalls} {
        for (const auto& options : settings.webhooks)
            webhooks_.emplace_back(parts_, *settings.category, files_, options);
        *stalls_ = [this](std::string_view task, event::Version version) {
            for (auto& webhook : webhooks_) webhook.note_stalled(task, version);
        };
    }
    ~WebhookModule() override { *stalls_ = nullptr; }

    std::vector<bus::TopicSpec> topics() const override { return {}; }
    std::vector<http::Route> routes() override { return {}; }
    std::vector<flow::Projection*> projections() override { return {this}; }

    awaitable<void> restore() override {
        for (auto& webhook : webhooks_)
            if (!co_await webhook.restore()) co_return;
        if (!co_await take_up_owed() || stop_.raised()) co_return;
        for (auto& webhook : webhooks_) webhook.start();
    }
    void start() override {}
    awaitable<void> stop() override {
        stop_.raise();
        for (auto& webhook : webhooks_) co_await webhook.stop();
    }

    void add_failing(std::vector<std::string_view>&) const override {}
    void read_metrics(MetricSink& sink) const override {
        for (const auto& webhook : webhooks_) webhook.read_metrics(sink);
    }
    void read_monitor(boost::json::object&) const override {}

  private:
    std::span<const event::Category* const> categories() const override { return categories_; }
    awaitable<void> apply(std::span<const event::EventRef> events, event::Position through) override {
        for (auto& webhook : webhooks_) webhook.note(events, through);
        co_return;
    }
    // What is owed of a task is owed also when that has expired.
    void expired(const store::ExpiredStream&) override {}
    void reset() override {}

    awaitable<bool> take_up_owed();

    const domain::Parts parts_;
    const std::array<const event::Category*, 1> categories_;
    const std::shared_ptr<Stalls> stalls_;
    asio::thread_pool files_{1};
    std::list<Webhook> webhooks_;
    aio::Stop stop_;
};

// What an earlier start left. False if a stop came first.
awaitable<bool> WebhookModule::take_up_owed() {
    std::map<std::string, Webhook*> by_kind;
    for (auto& webhook : webhooks_) by_kind[timer_kind(webhook.name())] = &webhook;
    aio::Backoff backoff{500ms, 5s};
    while (!stop_.raised()) {
        const auto all = co_await parts_.store.due(Timestamp::max(), SIZE_MAX);
        if (!all) {
            spdlog::warn("webhooks wait for the store: {}", all.error().text());
            co_await stop_.pause(backoff.next());
            continue;
        }
        std::size_t nobodys = 0;
        for (const auto& timer : *all) {
            if (!timer.kind.starts_with(timer_kind(""))) continue;
            const auto whose = by_kind.find(timer.kind);
            auto delivery = read_delivery(timer);
            if (!delivery)
                spdlog::error("{} is kept and cannot be read", timer.id);
            else if (whose == by_kind.end())
                ++nobodys;
            else
                whose->second->take_up(std::move(*delivery));
        }
        if (nobodys != 0)
            spdlog::warn("{} deliveries wait for webhooks that the settings do not name", nobodys);
        co_return true;
    }
    co_return false;
}

}  // namespace

domain::ModuleSpec module_spec(Settings settings) {
    return {{}, [settings = std::move(settings)](const domain::Parts& parts) {
                return std::make_unique<WebhookModule>(parts, settings);
            }};
}

}  // namespace stepcast::webhooks
