#include "domain/shop/module.hpp"

#include "aio/spawn.hpp"
#include "domain/shop/answers.hpp"
#include "domain/shop/api.hpp"
#include "domain/shop/routes.hpp"
#include "domain/shop/simulator.hpp"

namespace stepcast::shop {
namespace {

constexpr std::array<const event::Category*, 5> categories{
    &order_category, &stock_category, &payment_category, &fulfilment_category, &notification_category};

result<void> check_stored(const event::Event& draft) {
    if (&draft.category() == &order_category) return check_stored_order(draft);
    if (&draft.category() == &stock_category) return check_stored_stock(draft);
    if (&draft.category() == &payment_category) return check_stored_payment(draft);
    if (&draft.category() == &fulfilment_category) return check_stored_fulfilment(draft);
    return check_stored_notification(draft);
}

/// The four services and what each hears.
struct Services {
    Services(const domain::Parts& parts, const Catalogue& catalogue, const Settings& settings)
        : orders{parts, catalogue, settings.orders},
          orchestrator{parts, orders, settings.orchestrator},
          products{parts, settings.orders.prefix},
          payments{parts, provider, settings.payments},
          notifications{parts, settings.notifications} {
        std::vector<Hearing> all;
        hear_orders(all, orders, orchestrator);
        hear_products(all, products);
        hear_payments(all, payments);
        hear_notifications(all, notifications);
        for (auto& [service, topic, read] : all)
            listeners.push_back(
                std::make_unique<Listener>(parts, settings.orders.prefix, service, topic, std::move(read)));
    }

    PaymentSimulator provider;
    Orders orders;
    OrderSagaOrchestrator orchestrator;
    Products products;
    Payments payments;
    Notifications notifications;
    std::vector<std::unique_ptr<Listener>> listeners;  // last: they call what stands above
};

class ShopModule final : public domain::Module {
  public:
    ShopModule(const domain::Parts& parts, const std::optional<Settings>& settings)
        : parts_{parts}, prefix_{settings ? settings->orders.prefix : ""}, gate_{parts.core} {
        if (settings) services_ = std::make_unique<Services>(parts_, catalogue_, *settings);
    }

    std::vector<bus::TopicSpec> topics() const override {
        std::vector<bus::TopicSpec> topics;
        for (auto& info : topic_infos()) topics.push_back({std::move(info.name)});
        return topics;
    }
    std::vector<domain::TopicInfo> topic_infos() const override {
        return services_ ? api::topics(prefix_) : std::vector<domain::TopicInfo>{};
    }
    std::vector<std::string> owes() const override {
        std::vector<std::string> owed;
        for (auto& info : topic_infos()) owed.push_back(std::move(info.name));
        if (services_) owed.push_back(prefix_ + "progress-events");
        return owed;
    }
    std::vector<std::string> inbox_topics() const override {
        if (!services_) return {};
        return {prefix_ + std::string{topic::order_created},
                prefix_ + std::string{topic::stock_reservation_failed},
                prefix_ + std::string{topic::payment_completed}};
    }
    std::vector<http::Route> routes() override {
        if (!services_) return {};
        return shop_routes(services_->orders, services_->products, catalogue_, services_->notifications,
                           parts_);
    }
    std::vector<flow::ProcessManager*> sagas() override {
        if (!services_) return {};
        return {&services_->orchestrator.sagas()};
    }
    std::vector<flow::Projection*> projections() override { return {&catalogue_}; }

    aio::awaitable<void> restore() override { co_return; }
    void start() override {
        if (!services_) return;
        aio::spawn(parts_.core, "first product",
                   [this, hold = gate_.enter()] { return services_->products.put_first(); });
        services_->orders.start();
        services_->orchestrator.start();
        services_->payments.start();
        for (const auto& listener : services_->listeners) listener->start();
    }
    bool subscribed() const override {
        return !services_ || std::ranges::all_of(services_->listeners, &Listener::subscribed);
    }
    aio::awaitable<void> stop() override {
        co_await gate_.close();
        if (!services_) co_return;
        aio::Gate heard{parts_.core};  // all at once: each may wait for a quiet quarter of a second
        for (const auto& listener : services_->listeners)
            aio::spawn(parts_.core, "stop", [&listener, hold = heard.enter()] { return listener->stop(); });
        co_await heard.close();
        co_await services_->orchestrator.stop();
        co_await services_->orders.stop();
        co_await services_->payments.stop();
        co_await services_->products.stop();
    }

    void add_failing(std::vector<std::string_view>& parts) const override {
        if (catalogue_.skipped() != 0) parts.push_back("shop");
    }
    void read_metrics(MetricSink& sink) const override {
        if (!services_) return;
        services_->orders.read_metrics(sink);
        services_->orchestrator.sagas().read_metrics(sink);
        sink.gauge("stepcast_shop_payments_under_way", "Payments that the provider is being asked for",
                   static_cast<double>(services_->payments.under_way()));
        sink.counter("stepcast_inbox_duplicates_total", "Messages that came again after they were handled",
                     static_cast<double>(services_->notifications.duplicates()),
                     {{"consumer", "notification-service"}});
    }
    void read_monitor(boost::json::object&) const override {}

    aio::awaitable<result<std::optional<std::string>, http::Response>> state_of(
        const event::Category& category, std::string stream_id, event::Version version) override {
        if (&category == &notification_category) co_return std::nullopt;
        const auto kind = &category == &order_category     ? order_kind()
                          : &category == &stock_category   ? stock_kind()
                          : &category == &payment_category ? payment_kind()
                                                           : fulfilment_kind();
        flow::AggregateReader reader{parts_.store, kind};
        const auto loaded = co_await reader.load(stream_id, version);
        if (!loaded) co_return tl::unexpected{answer_for(loaded.error())};
        auto told = state_text(category, stream_id, *loaded);
        if (!told) co_return tl::unexpected{answer_for(told.error())};
        co_return std::move(*told);
    }

  private:
    static result<std::string> state_text(const event::Category& category, const std::string& stream_id,
                                          const flow::Loaded& loaded) {
        if (&category == &order_category) {
            const auto& state = static_cast<const OrderAggregate&>(*loaded.state);
            if (state.broken()) return fail(errc::unreadable);
            return encode_order(stream_id, state.order(), loaded.version);
        }
        if (&category == &stock_category) {
            const auto& state = static_cast<const StockAggregate&>(*loaded.state);
            if (state.broken()) return fail(errc::unreadable);
            return encode_stock(state.stock());
        }
        if (&category == &fulfilment_category) {
            const auto& state = static_cast<const FulfilmentAggregate&>(*loaded.state);
            if (state.broken()) return fail(errc::unreadable);
            return encode_fulfilment(stream_id, state.fulfilment(), loaded.version);
        }
        const auto& state = static_cast<const PaymentAggregate&>(*loaded.state);
        if (state.broken()) return fail(errc::unreadable);
        return encode_payment(stream_id, state.payment(), loaded.version);
    }

    const domain::Parts parts_;
    const std::string prefix_;
    Catalogue catalogue_;
    std::unique_ptr<Services> services_;  // null: the shop is closed
    aio::Gate gate_;
};

}  // namespace

domain::ModuleSpec module_spec(std::optional<Settings> settings) {
    return {categories,
            [settings = std::move(settings)](const domain::Parts& parts) {
                return std::make_unique<ShopModule>(parts, settings);
            },
            check_stored};
}

}  // namespace stepcast::shop
