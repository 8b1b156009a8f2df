#include "domain/shop/module.hpp"

#include "aio/spawn.hpp"
#include "domain/rebuild.hpp"
#include "domain/shop/answers.hpp"
#include "domain/shop/api.hpp"
#include "domain/shop/cart_routes.hpp"
#include "domain/shop/notification_routes.hpp"
#include "domain/shop/routes.hpp"

namespace stepcast::shop {
namespace {

constexpr std::array<const event::Category*, 6> categories{&order_category,        &stock_category,
                                                           &payment_category,      &fulfilment_category,
                                                           &notification_category, &cart_category};

result<void> check_stored(const event::Event& draft) {
    if (&draft.category() == &order_category) return check_stored_order(draft);
    if (&draft.category() == &stock_category) return check_stored_stock(draft);
    if (&draft.category() == &payment_category) return check_stored_payment(draft);
    if (&draft.category() == &fulfilment_category) return check_stored_fulfilment(draft);
    if (&draft.category() == &cart_category) return check_stored_cart(draft);
    return check_stored_notification(draft);
}

class ShopModule final : public domain::Module {
  public:
    ShopModule(const domain::Parts& parts, const std::optional<Settings>& settings)
        : parts_{parts},
          prefix_{settings ? settings->orders.prefix : ""},
          rebuild_{
              parts_,
              list_.refoldable(),
              {.projection = "orders", .label = "주문 목록", .progress_topic = prefix_ + "progress-events"}},
          gate_{parts.core} {
        if (settings) services_ = std::make_unique<Services>(parts_, catalogue_, mailboxes_, *settings);
    }

    std::vector<bus::TopicSpec> topics() const override {
        std::vector<bus::TopicSpec> topics;
        for (auto& info : topic_infos()) {
            const bool compacted = info.name == prefix_ + std::string{topic::product_events};
            topics.push_back({.name = std::move(info.name), .compacted = compacted});
        }
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
        if (!services_ || !services_->notifications) return {};
        return {prefix_ + std::string{topic::order_created},
                prefix_ + std::string{topic::stock_reservation_failed},
                prefix_ + std::string{topic::payment_completed}};
    }
    std::vector<http::Route> routes() override {
        if (!services_) return {};
        std::vector<http::Route> rows =
            shop_routes(services_->orders.get(), services_->products.get(), catalogue_, list_, parts_);
        if (services_->orders)
            rows.push_back(rebuild_.route(
                "Fold the list of orders anew, compare it with the one that is shown, and show the new one"));
        if (services_->carts)
            std::ranges::move(cart_routes(*services_->carts, parts_), std::back_inserter(rows));
        if (services_->notifications)
            std::ranges::move(notification_routes(*services_->notifications, parts_),
                              std::back_inserter(rows));
        return rows;
    }
    std::vector<flow::ProcessManager*> sagas() override {
        if (!services_ || !services_->orchestrator) return {};
        return {&services_->orchestrator->sagas()};
    }
    std::vector<domain::StepCircuit> circuits() const override {
        if (!services_ || !services_->payments) return {};
        return services_->payments->circuits();
    }
    std::vector<flow::Projection*> projections() override {
        if (services_ && !services_->products) return {&list_, &mailboxes_};
        return {&catalogue_, &list_, &mailboxes_};
    }

    aio::awaitable<void> restore() override { co_return; }
    void start() override {
        if (!services_) return;
        if (services_->products)
            aio::spawn(parts_.core, "first product",
                       [this, hold = gate_.enter()] { return services_->products->put_first(); });
        services_->start();
    }
    bool subscribed() const override { return !services_ || services_->subscribed(); }
    aio::awaitable<void> stop() override {
        co_await rebuild_.stop();
        co_await gate_.close();
        if (services_) co_await services_->stop();
    }

    void add_failing(std::vector<std::string_view>& parts) const override {
        // Without its products an order can neither be priced nor refused.
        if (catalogue_.skipped() + list_.skipped() != 0 || !catalogue_.whole()) parts.push_back("shop");
    }
    void read_metrics(MetricSink& sink) const override {
        if (!services_) return;
        if (services_->orders) {
            services_->orders->read_metrics(sink);
            sink.gauge("stepcast_shop_orders", "Orders, ended ones too", static_cast<double>(list_.size()));
            services_->orchestrator->sagas().read_metrics(sink);
            rebuild_.read_metrics(sink);
        }
        if (services_->payments) services_->payments->read_metrics(sink);
        if (services_->notifications)
            sink.counter("stepcast_inbox_duplicates_total",
                         "Messages that came again after they were handled",
                         static_cast<double>(services_->notifications->duplicates()),
                         {{"consumer", "notification-service"}});
    }
    void read_monitor(boost::json::object&) const override {}

    aio::awaitable<result<std::optional<std::string>, http::Response>> state_of(
        const event::Category& category, std::string stream_id, event::Version version) override {
        if (&category == &notification_category) co_return std::nullopt;
        const auto kind = &category == &order_category     ? order_kind()
                          : &category == &stock_category   ? stock_kind()
                          : &category == &payment_category ? payment_kind()
                          : &category == &cart_category    ? cart_kind()
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
        if (&category == &cart_category) {
            const auto& state = static_cast<const CartAggregate&>(*loaded.state);
            if (state.broken()) return fail(errc::unreadable);
            return encode_cart(stream_id, state.cart(), loaded.version);
        }
        const auto& state = static_cast<const PaymentAggregate&>(*loaded.state);
        if (state.broken()) return fail(errc::unreadable);
        return encode_payment(stream_id, state.payment(), loaded.version);
    }

    const domain::Parts parts_;
    const std::string prefix_;
    Catalogue catalogue_;
    OrderList list_;
    Mailboxes mailboxes_;
    std::unique_ptr<Services> services_;  // null: the shop is closed
    domain::Rebuild rebuild_;
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
